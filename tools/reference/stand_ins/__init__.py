"""The published networks with their own module trees and names, written from the mathematics.

They share no forward pass with the twin, so that twin, mappings and converter can be held against
them. Sizes come from a configuration. Everything is for inference: call `eval()`.
"""
