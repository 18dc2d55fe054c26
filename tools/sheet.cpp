#include "tools/sheet.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "engine/error.h"
#include "engine/image_resize.h"
#include "tools/draw.h"
#include "tools/font.h"

namespace ofer {

namespace {

constexpr int kMargin = 18, kGap = 14, kLineHeight = 17, kCaptionLines = 2;
constexpr float kText = 9.5f, kSmall = 8.5f, kTitle = 11.5f;
constexpr int kRowHeight = 23, kMostRowHeight = 34, kTitleHeight = 28, kNoteLines = 3;
constexpr int kChartWidth = 290, kChartGap = 26;
constexpr Colour kInk{38, 42, 50}, kFaint{112, 118, 128}, kTrack{236, 238, 242};
constexpr Colour kBar{132, 160, 196}, kBest{36, 92, 156}, kPaper{255, 255, 255};

struct Cell {
  Image picture;
  int width;  // of picture and caption, whichever is wider
  std::vector<std::string> caption;
};

Cell make_cell(const SheetItem& item, int height) {
  require(!item.picture.empty(), ErrorCode::kBadArgument, "the picture \"", item.caption,
          "\" of a sheet is empty");
  const double scale = static_cast<double>(height) / item.picture.height;
  const int width = static_cast<int>(std::clamp(std::round(item.picture.width * scale), 1.0, 1e8));
  // A narrow picture does not squeeze its caption below three quarters of the height.
  const int most = std::max(width, height * 3 / 4);
  Cell cell{resize_image(item.picture, width, height), width,
            wrap_text(item.caption, kText, static_cast<float>(most), kCaptionLines)};
  for (const std::string& line : cell.caption)
    cell.width = std::max(cell.width, static_cast<int>(std::ceil(text_width(line, kText))));
  return cell;
}

// "93.1 %", without the C library's decimal comma of some languages.
std::string percent(float value) {
  const long tenths = std::lround(static_cast<double>(value) * 1000);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " %";
}

struct ChartLayout {
  std::vector<std::string> note;
  int height = 0;  // at the least row height
};

ChartLayout measure(const SheetChart& chart, int width) {
  ChartLayout layout;
  layout.note = wrap_text(chart.note, kSmall, static_cast<float>(width), kNoteLines);
  layout.height =
      static_cast<int>(chart.labels.size()) * kRowHeight + (chart.title.empty() ? 0 : kTitleHeight);
  if (!layout.note.empty()) layout.height += 8 + kLineHeight * static_cast<int>(layout.note.size());
  return layout;
}

// Draws into [left, left + width) from `top`; rows grow to fill `height`, up to a limit.
void draw_chart(Image& sheet, const SheetChart& chart, const ChartLayout& layout, int left, int top,
                int width, int height) {
  const int rows = static_cast<int>(chart.labels.size());
  const int row_height =
      std::min(kMostRowHeight, kRowHeight + std::max(0, height - layout.height) / rows);
  float label_width = 0;
  for (const std::string& label : chart.labels)
    label_width = std::max(label_width, text_width(label, kText));
  label_width = std::min(label_width, static_cast<float>(width) * 0.45f);
  const float value_width = text_width("100.0 %", kText);

  const auto x0 = static_cast<float>(left), x1 = static_cast<float>(left + width);
  auto y = static_cast<float>(top);
  if (!chart.title.empty()) {
    const std::string title = fit_text(chart.title, kTitle, static_cast<float>(width));
    draw_text(sheet, x0, y + kTitle + 1, title, kTitle, kInk);
    y += kTitleHeight;
  }
  const auto clamped = [](float value) { return value > 0 ? std::min(value, 1.0f) : 0.0f; };
  int best = 0;
  for (int i = 1; i < rows; ++i)
    if (clamped(chart.values[i]) > clamped(chart.values[best])) best = i;
  const float bar0 = x0 + label_width + 10, bar1 = x1 - value_width - 10;
  for (int i = 0; i < rows; ++i, y += static_cast<float>(row_height)) {
    const float value = clamped(chart.values[i]), middle = y + static_cast<float>(row_height) / 2;
    const float baseline = std::round(middle + kText / 2);
    const Colour ink = i == best ? kInk : kFaint;
    draw_text(sheet, x0, baseline, fit_text(chart.labels[i], kText, label_width), kText, ink);
    const float half = 5, bar_y = std::round(middle);
    fill_rectangle(sheet, bar0, bar_y - half, bar1, bar_y + half, kTrack);
    fill_rectangle(sheet, bar0, bar_y - half, bar0 + (bar1 - bar0) * value, bar_y + half,
                   i == best ? kBest : kBar);
    const std::string text = percent(value);
    draw_text(sheet, x1 - text_width(text, kText), baseline, text, kText, ink);
  }
  y += 8;
  for (const std::string& line : layout.note) {
    draw_text(sheet, x0, y + kSmall + 2, line, kSmall, kFaint);
    y += kLineHeight;
  }
}

}  // namespace

Image compose_sheet(std::span<const SheetItem> items, const SheetChart& chart,
                    const SheetOptions& options) {
  const bool has_chart = !chart.labels.empty();
  require(!items.empty() || has_chart, ErrorCode::kBadArgument,
          "a sheet needs a picture or a chart");
  require(chart.labels.size() == chart.values.size(), ErrorCode::kBadArgument, "a chart of ",
          chart.labels.size(), " labels and ", chart.values.size(), " values");
  require(options.picture_height >= 16, ErrorCode::kBadArgument, "pictures of height ",
          options.picture_height, " on a sheet; at least 16");

  std::vector<Cell> cells;
  std::int64_t pictures_width = 0;
  std::size_t caption_lines = 0;
  for (const SheetItem& item : items) {
    cells.push_back(make_cell(item, options.picture_height));
    pictures_width += cells.back().width + (cells.size() > 1 ? kGap : 0);
    caption_lines = std::max(caption_lines, cells.back().caption.size());
    require(pictures_width <= kMaxPixels, ErrorCode::kBadArgument, "a sheet of ", items.size(),
            " pictures is too wide");
  }
  const int pictures_height =
      items.empty() ? 0
                    : options.picture_height +
                          (caption_lines ? 8 + kLineHeight * static_cast<int>(caption_lines) : 0);

  const bool below = options.chart_place == ChartPlace::kBelow || items.empty();
  const auto row = static_cast<int>(pictures_width);
  const int chart_width = !has_chart ? 0 : below ? std::max(row, kChartWidth) : kChartWidth;
  const ChartLayout layout = has_chart ? measure(chart, chart_width) : ChartLayout{};
  const int joint = has_chart && !items.empty() ? kChartGap : 0;
  const int width = below ? std::max(row, chart_width) : row + joint + chart_width;
  const int height =
      below ? pictures_height + joint + layout.height : std::max(pictures_height, layout.height);
  Image sheet(width + 2 * kMargin, height + 2 * kMargin, kPaper);

  int x = kMargin;
  for (const Cell& cell : cells) {
    paste(sheet, cell.picture, x + (cell.width - cell.picture.width) / 2, kMargin);
    float baseline = static_cast<float>(kMargin + options.picture_height + 8) + kText + 2;
    for (const std::string& line : cell.caption) {
      const float left =
          static_cast<float>(x) + (static_cast<float>(cell.width) - text_width(line, kText)) / 2;
      draw_text(sheet, std::max(left, static_cast<float>(x)), baseline, line, kText, kInk);
      baseline += kLineHeight;
    }
    x += cell.width + kGap;
  }
  if (has_chart) {
    if (below) {
      draw_chart(sheet, chart, layout, kMargin, kMargin + pictures_height + joint, chart_width,
                 layout.height);
    } else {
      draw_chart(sheet, chart, layout, kMargin + row + joint, kMargin, chart_width,
                 std::max(layout.height, options.picture_height));
    }
  }
  return sheet;
}

}  // namespace ofer
