// Plots as inline SVG: no style from outside, no script, well-formed XML, every text escaped.
#pragma once

#include <string>

#include "ofer/eval/plot.h"

namespace ofer {

// Lines over axes with a grid, intervals as bars (few points) or bands (many), a legend below.
// Series differ in colour and in dashes, so that a print in grey still tells them apart.
std::string svg_of(const LinePlot& plot);

// Lying bars, category by category, with intervals and values.
std::string svg_of(const BarPlot& plot);

// A square per pair of classes, as dark as its share of the row's class; a class without samples
// says so.
std::string svg_of(const ConfusionPlot& plot);

}  // namespace ofer
