// One picture of a whole result: pictures side by side with captions, and a bar chart.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "engine/image.h"

namespace ofer {

struct SheetItem {
  Image picture;
  std::string caption;  // up to two lines under the picture; longer ones are shortened
};

struct SheetChart {
  std::vector<std::string> labels;
  std::vector<float> values;  // probabilities, as many as labels; outside [0, 1]: clamped, NaN: 0
  std::string title;          // above the bars; may be empty
  std::string note;           // small and grey below; may be empty
};

enum class ChartPlace { kRight, kBelow };

struct SheetOptions {
  int picture_height = 224;
  ChartPlace chart_place = ChartPlace::kRight;
};

// All pictures at the same height (their shape is kept), on white, with their captions and, where
// it has labels, the chart. The largest value's bar stands out. Throws kBadArgument for neither
// pictures nor labels, an empty picture, as many values as labels not being the case, a height
// below 16, and a sheet over kMaxPixels.
Image compose_sheet(std::span<const SheetItem> items, const SheetChart& chart = {},
                    const SheetOptions& options = {});

}  // namespace ofer
