#!/bin/sh
# Makes the committed corpus anew: small valid inputs to start from. Needs build/ofer and Python's
# torch. Findings that were mended are kept beside them as finding-* and are not touched.
set -eu
cd "$(dirname "$0")"
fixtures=../tests/fixtures/checkpoints
mkdir -p corpus/zip corpus/torch_zip corpus/torch_stream corpus/safetensors corpus/checkpoint corpus/image
for name in types training nested; do
  cp $fixtures/$name.zip.pt corpus/zip/$name
  cp $fixtures/$name.zip.pt corpus/checkpoint/$name.zip
  cp $fixtures/$name.stream.pt corpus/torch_stream/$name
  cp $fixtures/$name.expected.safetensors corpus/safetensors/$name
  cp $fixtures/$name.expected.safetensors corpus/checkpoint/$name.safetensors
  python3 -c 'import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
name = [n for n in archive.namelist() if n.endswith("/data.pkl")][0]
open(sys.argv[2], "wb").write(archive.read(name))' $fixtures/$name.zip.pt corpus/torch_zip/$name
done
for name in one.png palette.png grey16.png rgba.png rgb.bmp palette.bmp grey.jpg cmyk.jpg \
    progressive.jpg orientation_6.jpg orientation_6.png; do
  cp ../tests/fixtures/images/$name corpus/image/
done
