#include "tools/output_table.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tools/text_format.h"

namespace ofer {

namespace {

constexpr const char* kBold = "1";
constexpr const char* kDim = "2";
constexpr const char* kYellow = "33";
constexpr const char* kRed = "31";

// Widths of the columns behind the names, each with two spaces before it.
constexpr int kProbabilityWidth = 11, kCoveredWidth = 7, kTimeWidth = 8;
constexpr int kNumbersWidth = kProbabilityWidth + kCoveredWidth + kTimeWidth + 8;
constexpr int kLeastFileWidth = 12;

std::string percent(double share) {
  return format("%.1f %%", 100 * share);
}

std::string duration(double ms) {
  if (ms < 10) return format("%.1f ms", ms);
  if (ms < 1000) return format("%.0f ms", ms);
  return format("%.2f s", ms / 1000);
}

std::string counted(std::size_t count, const char* what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

// A bar of `cells` columns, filled to `share`; with eighths where the terminal has the characters.
std::string bar(double share, int cells, bool unicode) {
  const double full = std::isfinite(share) ? std::clamp(share, 0.0, 1.0) * cells : 0;
  if (!unicode) return std::string(static_cast<std::size_t>(std::lround(full)), '#');
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const long eighths = std::lround(full * 8);
  std::string text;
  for (long i = 0; i < eighths / 8; ++i) text += "█";
  return text + kEighths[eighths % 8];
}

}  // namespace

TableOutput::TableOutput(Console& console, const RunInfo& info, int longest_name,
                         std::size_t images)
    : console_(console), info_(info), single_(images == 1), label_width_(10) {
  for (const std::string& label : info.labels)
    label_width_ = std::max(label_width_, display_width(one_line(label)));
  const int room = std::max(console.width - label_width_ - kNumbersWidth, kLeastFileWidth);
  file_width_ = std::clamp(longest_name, 4, room);
}

std::string TableOutput::styled(const char* code, const std::string& text) const {
  return console_.colours ? "\x1b[" + std::string(code) + 'm' + text + "\x1b[0m" : text;
}

void TableOutput::heading() {
  if (headed_) return;
  headed_ = true;
  print_line(console_, styled(kDim, fit_left("file", file_width_) + "  " +
                                        fit_left("expression", label_width_) + "  " +
                                        fill_before("probability", kProbabilityWidth) + "  " +
                                        fill_before("covered", kCoveredWidth) + "  " +
                                        fill_before("time", kTimeWidth)));
}

void TableOutput::result(const std::string& file, const Result& result) {
  heading();
  const auto label = static_cast<std::size_t>(result.label);
  const auto covered = std::accumulate(result.occluded.begin(), result.occluded.end(), 0.0);
  const double patches = std::max<double>(1, static_cast<double>(result.occluded.size()));
  print_line(console_, fit_left(one_line(file), file_width_) + "  " +
                           styled(kBold, fit_left(one_line(info_.labels.at(label)), label_width_)) +
                           "  " +
                           fill_before(percent(result.probabilities.at(label)), kProbabilityWidth) +
                           "  " + fill_before(percent(covered / patches), kCoveredWidth) + "  " +
                           fill_before(duration(result.time_ms.total), kTimeWidth));
  if (single_) bars(result);
}

void TableOutput::bars(const Result& result) {
  print_line(console_, "");
  const int cells = std::clamp(console_.width - label_width_ - 14, 10, 50);
  for (std::size_t i = 0; i < result.probabilities.size(); ++i) {
    const double share = result.probabilities[i];
    const std::string text = "  " + fit_left(one_line(info_.labels.at(i)), label_width_) + "  " +
                             fill_before(percent(share), 7) + "  " +
                             bar(share, cells, console_.unicode);
    print_line(console_, static_cast<int>(i) == result.label ? styled(kBold, text) : text);
  }
}

void TableOutput::error(const std::string&, const std::string& message) {
  const std::string text = "ofer: " + one_line(message);
  print_note(console_, console_.colours && console_.err_is_terminal ? styled(kRed, text) : text);
}

void TableOutput::finish(const RunSummary& summary) {
  if (headed_) print_line(console_, "");
  std::string text = counted(summary.answered, "image") + " in " +
                     duration(1000 * summary.seconds) + " on " + info_.device + ", " +
                     info_.precision + ", " +
                     counted(static_cast<std::size_t>(info_.threads), "thread");
  if (summary.failed > 0) text += "; " + std::to_string(summary.failed) + " failed";
  if (summary.interrupted)
    text += "; interrupted, " + std::to_string(summary.images - summary.answered - summary.failed) +
            " left";
  print_line(console_, text);
  if (!summary.pictures.empty()) print_line(console_, "pictures in " + one_line(summary.pictures));
  if (!summary.taps.empty()) print_line(console_, "intermediates in " + one_line(summary.taps));
  if (summary.answered > 0 && !info_.trained)
    print_line(console_, styled(kYellow, std::string(kUntrainedNote)));
}

}  // namespace ofer
