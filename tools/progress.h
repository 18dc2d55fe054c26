// A bar on standard error that says how far a long run has come.
#pragma once

#include <chrono>
#include <cstddef>

#include "tools/console.h"

namespace ofer {

// Shows itself only where standard error is a terminal and there are many images. Everything else
// that prints meanwhile calls clear() first.
class Progress {
 public:
  Progress(Console& console, std::size_t images);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::size_t done);
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  Console& console_;
  std::size_t images_;
  bool enabled_;
  bool visible_ = false;
  Clock::time_point start_ = Clock::now();
};

}  // namespace ofer
