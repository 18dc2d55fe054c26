// Colours and differences of pictures.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>

#include "engine/image.h"

namespace ofer::test {

inline Colour colour_at(const Image& image, int x, int y) {
  const std::uint8_t* p = image.at(x, y);
  return {p[0], p[1], p[2]};
}

// Of the channel that differs most.
inline int difference(Colour a, Colour b) {
  return std::max(
      {std::abs(a.red - b.red), std::abs(a.green - b.green), std::abs(a.blue - b.blue)});
}

// Of two pictures of one size.
inline int worst_difference(const Image& a, const Image& b) {
  REQUIRE(a.width == b.width);
  REQUIRE(a.height == b.height);
  int worst = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i)
    worst = std::max(worst, std::abs(int{a.pixels[i]} - int{b.pixels[i]}));
  return worst;
}

}  // namespace ofer::test
