#include "tools/font.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "ofer/data/edges.h"
#include "tools/draw.h"

namespace ofer {

namespace {

// A glyph is a path in units of 1/14 of the capital height, y up from the baseline, x from the
// left edge of the ink: M lifts the pen (and moves it, where two numbers follow), L draws a line to
// x y, Q a parabola to x y with the control point given first, A a part of an ellipse: centre x y,
// radii x y, start and end in degrees counterclockwise, joined by a line where the pen is down.
struct Glyph {
  float width;
  const char* path;
};

constexpr float kCapital = 14, kSpacing = 3.3f, kStroke = 1.75f;

// clang-format off
constexpr std::array<Glyph, 95> kGlyphs = {{
    {2.2f, ""},                                                               // space
    {0, "M0 14L0 4.6M0 .3L0 0"},                                              // !
    {3.6f, "M0 14L0 10M3.6 14L3.6 10"},                                       // "
    {10, "M3.4 14L1.6 0M8.4 14L6.6 0M.6 9.6L10 9.6M0 4.6L9.4 4.6"},           // #
    {8, "MA4 10.2 3.8 2.9 35 270A4 4 4 3.3 90 -145M4 15.4L4 -1.4"},           // $
    {11.6f, "M10 14L1.6 0MA2.5 11 2.5 3 0 360MA9.1 3 2.5 3 0 360"},           // %
    {10, "M10 0L2.5 9.2A4.6 11.2 2.7 2.8 220 -45Q6 8 3 6.8Q0 5.6 0 3.5A3.7 3.5 3.7 3.5 180 285"
         "Q8.6 1 9.4 6.4"},                                                   // &
    {0, "M0 14L0 10"},                                                        // '
    {3, "M3 15.5Q0 11.5 0 6Q0 .5 3 -3.5"},                                    // (
    {3, "M0 15.5Q3 11.5 3 6Q3 .5 0 -3.5"},                                    // )
    {6, "M3 14L3 7.6M.2 12.4L5.8 9.2M5.8 12.4L.2 9.2"},                       // *
    {8, "M4 10.5L4 2.5M0 6.5L8 6.5"},                                         // +
    {1.2f, "M1.2 .4L1.2 0Q1.2 -1.8 0 -3"},                                    // ,
    {4.6f, "M0 5.4L4.6 5.4"},                                                 // -
    {0, "M0 .3L0 0"},                                                         // .
    {5.4f, "M5.4 15L0 -2"},                                                   // /
    {8, "MA4 7 4 7 0 360"},                                                   // 0
    {8, "M1.6 11L5 14L5 0"},                                                  // 1
    {8, "MA4 10.1 3.7 3.9 170 -32L.2 0L8 0"},                                 // 2
    {8, "MA4 10.6 3.5 3.4 155 -90M2.8 7.2L4 7.2A4 3.6 4 3.6 90 -155"},        // 3
    {8, "M6.2 0L6.2 14L0 4.1L8 4.1"},                                         // 4
    {8, "M7.3 14L1.4 14L.9 7.5A4 4.5 4 4.5 138 -155"},                        // 5
    {8, "MA4 4.5 4 4.5 0 360M0 4.5Q.1 13.6 6.6 14"},                          // 6
    {8, "M0 14L8 14L2.8 0"},                                                  // 7
    {8, "MA4 10.6 3.4 3.4 0 360MA4 3.6 4 3.6 0 360"},                         // 8
    {8, "MA4 9.5 4 4.5 0 360M8 9.5Q7.9 .4 1.4 0"},                            // 9
    {0, "M0 .3L0 0M0 8.6L0 8.3"},                                             // :
    {1.2f, "M1.2 8.6L1.2 8.3M1.2 .4L1.2 0Q1.2 -1.8 0 -3"},                    // ;
    {7, "M7 11L0 6.5L7 2"},                                                   // <
    {8, "M0 8.6L8 8.6M0 4.4L8 4.4"},                                          // =
    {7, "M0 11L7 6.5L0 2"},                                                   // >
    {7, "MA3.5 10.4 3.5 3.6 165 -50Q3.5 6.4 3.5 4.4M3.5 .3L3.5 0"},           // ?
    {13, "MA6.5 5.2 6.5 7 -60 -360Q13 2 11 2Q9.4 2 9.4 4.2L9.4 8.4MA6.5 5.2 2.9 3.2 0 360"},  // @
    {10, "M0 0L5 14L10 0M1.7 4.8L8.3 4.8"},                                   // A
    {8.4f, "M0 0L0 14L4 14A4.4 10.7 3.4 3.3 90 -90L0 7.4M4.4 7.4A4.7 3.7 3.7 3.7 90 -90L0 0L0 7"},
    {9.2f, "MA5.4 7 5.4 7 50 310"},                                           // C
    {9.4f, "M0 0L0 14L3.4 14A3.4 7 6 7 90 -90L0 0"},                          // D
    {7.4f, "M7.4 14L0 14L0 0L7.4 0M0 7.3L6.2 7.3"},                           // E
    {7, "M7 14L0 14L0 0M0 7.2L6 7.2"},                                        // F
    {9.8f, "MA5.4 7 5.4 7 50 325L9.8 6.6L6 6.6"},                             // G
    {9, "M0 0L0 14M9 0L9 14M0 7.2L9 7.2"},                                    // H
    {0, "M0 0L0 14"},                                                         // I
    {5.8f, "M5.8 14L5.8 3.6A2.9 3.6 2.9 3.6 0 -160"},                         // J
    {8.4f, "M0 0L0 14M8 14L0 5.2M3 8.4L8.4 0"},                               // K
    {7, "M0 14L0 0L7 0"},                                                     // L
    {11, "M0 0L0 14L5.5 4L11 14L11 0"},                                       // M
    {9, "M0 0L0 14L9 0L9 14"},                                                // N
    {11, "MA5.5 7 5.5 7 0 360"},                                              // O
    {8, "M0 0L0 14L4 14A4.2 10.2 3.8 3.8 90 -90L0 6.4"},                      // P
    {11, "MA5.5 7 5.5 7 0 360M6.8 3.4L11 -1"},                                // Q
    {8.4f, "M0 0L0 14L4 14A4.2 10.2 3.8 3.8 90 -90L0 6.4M4.4 6.4L8.4 0"},     // R
    {8, "MA4 10.6 3.7 3.4 35 270A4 3.6 4 3.6 90 -145"},                       // S
    {9, "M0 14L9 14M4.5 14L4.5 0"},                                           // T
    {9, "M0 14L0 4.5A4.5 4.5 4.5 4.5 180 360L9 14"},                          // U
    {10, "M0 14L5 0L10 14"},                                                  // V
    {14, "M0 14L3.5 0L7 13L10.5 0L14 14"},                                    // W
    {9, "M0 14L9 0M9 14L0 0"},                                                // X
    {9, "M0 14L4.5 6.8L9 14M4.5 6.8L4.5 0"},                                  // Y
    {8.4f, "M0 14L8.4 14L0 0L8.4 0"},                                         // Z
    {3, "M3 15.5L0 15.5L0 -3.5L3 -3.5"},                                      // [
    {5.4f, "M0 15L5.4 -2"},                                                   // backslash
    {3, "M0 15.5L3 15.5L3 -3.5L0 -3.5"},                                      // ]
    {6, "M0 9L3 14L6 9"},                                                     // ^
    {8, "M0 -3L8 -3"},                                                        // _
    {2.4f, "M0 14.5L2.4 12"},                                                 // `
    {7.2f, "MA3.6 5 3.6 5 0 360M7.2 10L7.2 0"},                               // a
    {7.2f, "M0 14L0 0MA3.6 5 3.6 5 0 360"},                                   // b
    {6.6f, "MA3.8 5 3.8 5 45 315"},                                           // c
    {7.2f, "M7.2 14L7.2 0MA3.6 5 3.6 5 0 360"},                               // d
    {7.4f, "M.1 5.3L7.3 5.3A3.7 5 3.7 5 3 318"},                              // e
    {4.6f, "M4.6 13.8Q1.6 14.2 1.6 10.8L1.6 0M0 9.6L4.2 9.6"},                // f
    {7.2f, "MA3.6 5 3.6 5 0 360M7.2 10L7.2 -.6A3.7 -.6 3.5 3.5 0 -150"},      // g
    {6.8f, "M0 14L0 0M0 6.4A3.4 6.4 3.4 3.6 180 0L6.8 0"},                    // h
    {0, "M0 10L0 0M0 13.9L0 13.6"},                                           // i
    {2.2f, "M2.2 10L2.2 -1.4Q2.2 -4 0 -4M2.2 13.9L2.2 13.6"},                 // j
    {6.6f, "M0 14L0 0M6 10L0 3.8M2.2 6L6.6 0"},                               // k
    {1.8f, "M0 14L0 2Q0 0 1.8 0"},                                            // l
    {11, "M0 10L0 0M0 6.8A2.75 6.8 2.75 3.2 180 0L5.5 0M5.5 6.8A8.25 6.8 2.75 3.2 180 0L11 0"},
    {6.8f, "M0 10L0 0M0 6.4A3.4 6.4 3.4 3.6 180 0L6.8 0"},                    // n
    {7.6f, "MA3.8 5 3.8 5 0 360"},                                            // o
    {7.2f, "M0 10L0 -4MA3.6 5 3.6 5 0 360"},                                  // p
    {7.2f, "M7.2 10L7.2 -4MA3.6 5 3.6 5 0 360"},                              // q
    {4, "M0 10L0 0M0 6Q.4 10.2 4 9.8"},                                       // r
    {6.2f, "MA3.1 7.4 2.8 2.6 35 270A3.1 2.4 3.1 2.4 90 -145"},               // s
    {4.6f, "M1.7 13L1.7 2.6Q1.7 -.2 4.6 .2M0 9.6L4.4 9.6"},                   // t
    {6.8f, "M0 10L0 3.6A3.4 3.6 3.4 3.6 180 360M6.8 10L6.8 0"},               // u
    {7.4f, "M0 10L3.7 0L7.4 10"},                                             // v
    {10.4f, "M0 10L2.6 0L5.2 9.2L7.8 0L10.4 10"},                             // w
    {6.8f, "M0 10L6.8 0M6.8 10L0 0"},                                         // x
    {7.4f, "M0 10L3.8 .2M7.4 10L3.4 -1.2Q2.4 -4 0 -4"},                       // y
    {6.2f, "M0 10L6.2 10L0 0L6.2 0"},                                         // z
    {3.8f, "M3.8 15.5Q1.8 15.5 1.8 13L1.8 8.5Q1.8 6 0 6Q1.8 6 1.8 3.5L1.8 -1Q1.8 -3.5 3.8 -3.5"},
    {0, "M0 15.5L0 -3.5"},                                                    // |
    {3.8f, "M0 15.5Q2 15.5 2 13L2 8.5Q2 6 3.8 6Q2 6 2 3.5L2 -1Q2 -3.5 0 -3.5"},
    {8, "M0 5.5Q2 8.4 4 6.5Q6 4.6 8 7.5"},                                    // ~
}};
// clang-format on

// The glyph of the character that starts at text[at]; `at` moves behind it.
const Glyph& next_glyph(std::string_view text, std::size_t& at) {
  const auto byte = static_cast<unsigned char>(text[at++]);
  if (byte >= 0x80)  // the rest of a UTF-8 sequence are bytes 10xxxxxx
    while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) ++at;
  return kGlyphs[byte >= 0x20 && byte < 0x7F ? byte - 0x20u : '?' - 0x20u];
}

struct Segment {
  float x0, y0, x1, y1;
};

// The path as straight pieces, in glyph units.
std::vector<Segment> flatten(std::string_view text) {
  const char *path = text.data(), *const end = path + text.size();
  std::vector<Segment> segments;
  float x = 0, y = 0;
  bool down = false;
  const auto to = [&](float next_x, float next_y) {
    if (down) segments.push_back({x, y, next_x, next_y});
    x = next_x, y = next_y, down = true;
  };
  while (path < end) {
    const char command = *path++;
    float v[6] = {};
    int count = 0;
    for (; count < 6; ++count) {
      while (path < end && *path == ' ') ++path;
      const auto read = std::from_chars(path, end, v[count]);
      if (read.ec != std::errc()) break;
      path = read.ptr;
    }
    if (command == 'M') {
      down = false;
      if (count == 2) to(v[0], v[1]);
    } else if (command == 'L') {
      to(v[0], v[1]);
    } else if (command == 'Q') {
      constexpr int kPieces = 8;
      const float x0 = x, y0 = y;
      for (int i = 1; i <= kPieces; ++i) {
        const float t = static_cast<float>(i) / kPieces, s = 1 - t;
        to(s * s * x0 + 2 * s * t * v[0] + t * t * v[2],
           s * s * y0 + 2 * s * t * v[1] + t * t * v[3]);
      }
    } else {
      const int pieces = 1 + static_cast<int>(std::fabs(v[5] - v[4]) / 12);
      for (int i = 0; i <= pieces; ++i) {
        const float degrees = v[4] + (v[5] - v[4]) * static_cast<float>(i) / pieces;
        const float angle = degrees * 3.14159265f / 180;
        to(v[0] + v[2] * std::cos(angle), v[1] + v[3] * std::sin(angle));
      }
    }
  }
  return segments;
}

}  // namespace

float text_width(std::string_view text, float height) {
  if (text.empty()) return 0;
  float units = kStroke - kSpacing;
  for (std::size_t at = 0; at < text.size();) units += next_glyph(text, at).width + kSpacing;
  return units * height / kCapital;
}

// The opacity of a pixel comes from its distance to the nearest piece of the glyph, so that strokes
// that touch do not add up.
void draw_text(Image& image, float x, float y, std::string_view text, float height, Colour colour) {
  const float scale = height / kCapital, radius = std::max(kStroke * scale / 2, 0.55f);
  x += kStroke * scale / 2;
  for (std::size_t at = 0; at < text.size();) {
    const Glyph& glyph = next_glyph(text, at);
    std::vector<Segment> segments = flatten(glyph.path);
    for (Segment& s : segments)
      s = {x + s.x0 * scale, y - s.y0 * scale, x + s.x1 * scale, y - s.y1 * scale};
    const int left = static_cast<int>(std::floor(x - radius - 1));
    const int right = static_cast<int>(std::ceil(x + glyph.width * scale + radius + 1));
    const int top = static_cast<int>(std::floor(y - 16 * scale - radius - 1));
    const int bottom = static_cast<int>(std::ceil(y + 5 * scale + radius + 1));
    for (int py = top; py < bottom && !segments.empty(); ++py)
      for (int px = left; px < right; ++px) {
        float nearest = 1e9f;
        for (const Segment& s : segments)
          nearest =
              std::min(nearest, segment_distance(px + 0.5f, py + 0.5f, s.x0, s.y0, s.x1, s.y1));
        blend(image, px, py, colour, edge_share(nearest - radius));
      }
    x += (glyph.width + kSpacing) * scale;
  }
}

std::string fit_text(std::string_view text, float height, float width) {
  if (text_width(text, height) <= width) return std::string(text);
  while (!text.empty()) {
    // Whole characters: not in the middle of a UTF-8 sequence, and no space before the dots.
    while (text.size() > 1 && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80)
      text.remove_suffix(1);
    text.remove_suffix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    const std::string shorter = std::string(text) + "...";
    if (text_width(shorter, height) <= width) return shorter;
  }
  return "";
}

std::vector<std::string> wrap_text(std::string_view text, float height, float width, int most) {
  std::vector<std::string> lines;
  while (!text.empty() && static_cast<int>(lines.size()) < most) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    if (text.empty()) break;
    // As many words as fit, but at least one.
    std::size_t end = std::min(text.find(' '), text.size());
    for (std::size_t next = end; next < text.size();) {
      next = std::min(text.find(' ', next + 1), text.size());
      if (text_width(text.substr(0, next), height) > width) break;
      end = next;
    }
    const bool last = static_cast<int>(lines.size()) + 1 == most;
    lines.push_back(fit_text(last ? text : text.substr(0, end), height, width));
    text.remove_prefix(end);
  }
  return lines;
}

}  // namespace ofer
