#include "tools/progress.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

namespace ofer {

namespace {

constexpr std::size_t kManyImages = 5;
constexpr std::size_t kCells = 30;

// 75 -> "1 min 15 s".
std::string remaining(double seconds) {
  const long whole = std::lround(std::min(seconds, 1e8));
  char text[48];
  if (whole >= 3600)
    std::snprintf(text, sizeof(text), "%ld h %ld min", whole / 3600, whole % 3600 / 60);
  else if (whole >= 60)
    std::snprintf(text, sizeof(text), "%ld min %ld s", whole / 60, whole % 60);
  else
    std::snprintf(text, sizeof(text), "%ld s", whole);
  return text;
}

}  // namespace

Progress::Progress(Console& console, std::size_t images)
    : console_(console),
      images_(images),
      enabled_(console.err_is_terminal && images >= kManyImages) {}

void Progress::show(std::size_t done) {
  if (!enabled_ || done >= images_) return;
  const std::size_t filled = kCells * done / images_;
  std::string text = "\r\x1b[K[" + std::string(filled, '#') + std::string(kCells - filled, '.') +
                     "] " + std::to_string(done) + "/" + std::to_string(images_);
  if (done > 0) {
    const double passed = std::chrono::duration<double>(Clock::now() - start_).count();
    text += ", " +
            remaining(passed / static_cast<double>(done) * static_cast<double>(images_ - done)) +
            " left";
  }
  console_.err << text << std::flush;
  visible_ = true;
}

void Progress::clear() {
  if (!visible_) return;
  console_.err << "\r\x1b[K" << std::flush;
  visible_ = false;
}

}  // namespace ofer
