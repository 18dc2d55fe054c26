// What the drawings share.
#pragma once

#include <string>
#include <vector>

namespace ofer {

inline constexpr double kSvgWidth = 720;
inline constexpr double kSvgCharacter = 7;  // pixels that one column of 12-pixel text takes at most

// `inside` drawn on kSvgWidth x height pixels, scaled down where the page is narrower.
std::string svg_frame(double height, const std::string& title, const std::string& inside);

// anchor: "start", "middle" or "end" of the text is at x; y is the line it stands on.
std::string svg_text(double x, double y, const char* anchor, const std::string& text,
                     const std::string& more_attributes = "");
std::string svg_line(double x1, double y1, double x2, double y2, const std::string& attributes);
std::string svg_box(double x, double y, double width, double height, const std::string& attributes);

// Colours that the colour-blind tell apart (Okabe, Ito 2008), in turn.
const char* series_colour(std::size_t series);
// The attribute that makes a line dashed, or nothing; the same pattern comes back only with another
// colour or after all of both.
std::string series_dashes(std::size_t series);

// Series in rows from `y` on; adds the height they take to `y`. lines: dashes beside the colours.
std::string svg_legend(const std::vector<std::string>& names, bool lines, double& y);

}  // namespace ofer
