#include "engine/replays.h"

#include <algorithm>
#include <string>

namespace ofer {

std::size_t Replays::kept() const {
  return static_cast<std::size_t>(std::count_if(
      entries_.begin(), entries_.end(), [](const Entry& entry) { return entry.graph != nullptr; }));
}

// The entry of a key, new where `seen` becomes false.
Replays::Entry& Replays::entry_of(std::span<const std::int64_t> key,
                                  std::initializer_list<Tensor> inputs, bool& seen) {
  const Workspace::Mark start = session_.workspace().mark();
  full_key_.assign(key.begin(), key.end());
  full_key_.push_back(static_cast<std::int64_t>(start.block));
  full_key_.push_back(static_cast<std::int64_t>(start.used));
  for (const Tensor& input : inputs)
    full_key_.push_back(static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(input.raw())));
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&](const Entry& entry) { return entry.key == full_key_; });
  seen = found != entries_.end();
  if (seen) return *found;
  if (entries_.size() == kMostKept)
    entries_.erase(
        std::min_element(entries_.begin(), entries_.end(),
                         [](const Entry& a, const Entry& b) { return a.last < b.last; }));
  entries_.emplace_back();
  entries_.back().key = full_key_;
  return entries_.back();
}

void Replays::capture(Entry& entry, std::initializer_list<Tensor*> outputs,
                      FunctionRef<void()> section) {
  const Workspace::Mark start = session_.workspace().mark();
  kernels::Stream& stream = session_.stream();
  on_device([&] { stream.begin_capture(); });
  session_.set_capturing(true);
  try {
    section();
  } catch (...) {
    session_.set_capturing(false);
    stream.drop_capture();
    throw;
  }
  session_.set_capturing(false);
  try {
    entry.graph = stream.end_capture();
  } catch (const kernels::DeviceError& error) {
    // What was noted is lost, so it is queued once more, and from now on always.
    stream.drop_capture();
    refused_ = true;
    session_.log(LogLevel::kWarning, std::string("no graphs on this device: ") + error.what());
    session_.workspace().back_to(start);
    section();
    return;
  }
  entry.end = session_.workspace().mark();
  entry.outputs.clear();
  for (Tensor* output : outputs) {
    output->set_node(0);  // the tape of a pass ends with it
    entry.outputs.push_back(*output);
  }
}

void Replays::run(std::span<const std::int64_t> key, std::initializer_list<Tensor> inputs,
                  std::initializer_list<Tensor*> outputs, FunctionRef<void()> section) {
  session_.check_cancelled();
  if (refused_ || session_.counting() || session_.tapping() || !session_.replays_sections() ||
      !on_device([&] { return session_.stream().captures(); })) {
    section();
    return;
  }
  const std::size_t moves = session_.stream().moves() + session_.workspace().moves();
  if (moves != moves_) {
    for (Entry& entry : entries_) entry.graph.reset();
    moves_ = moves;
  }
  bool seen = false;
  Entry& entry = entry_of(key, inputs, seen);
  entry.last = ++runs_;
  if (!seen) {
    try {
      section();
    } catch (...) {
      entries_.pop_back();  // it has not shown that it can be repeated
      throw;
    }
    return;
  }
  if (!entry.graph) {
    capture(entry, outputs, section);
    if (!entry.graph) return;
  } else {
    session_.workspace().back_to(entry.end);
    std::size_t i = 0;
    for (Tensor* output : outputs) *output = entry.outputs[i++];
  }
  on_device([&] { session_.stream().play(*entry.graph); });
  ++played_;
}

}  // namespace ofer
