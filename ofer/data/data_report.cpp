#include "ofer/data/data_report.h"

#include <numeric>
#include <utility>

#include "engine/error.h"

namespace ofer {

namespace {

constexpr std::pair<const char*, const char*> kNames[kDataProblems] = {
    {"missing file", "missing files"},
    {"unsafe path", "unsafe paths"},
    {"unknown label", "unknown labels"},
    {"unreadable line", "unreadable lines"},
    {"unreadable picture", "unreadable pictures"},
};

}  // namespace

void DataReport::add(DataProblem problem, std::string_view what, std::size_t count) {
  counts_[index(problem)] += count;
  std::vector<std::string>& examples = examples_[index(problem)];
  if (examples.size() >= shown_) return;
  std::string line(what);
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  examples.push_back(std::move(line));
}

std::size_t DataReport::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::size_t{0});
}

std::string DataReport::summary() const {
  std::string text;
  for (std::size_t i = 0; i < kDataProblems; ++i) {
    if (counts_[i] == 0) continue;
    if (!text.empty()) text += ", ";
    text += message(counts_[i], ' ', counts_[i] == 1 ? kNames[i].first : kNames[i].second);
  }
  return text;
}

void DataReport::append(const DataReport& other) {
  for (std::size_t i = 0; i < kDataProblems; ++i) {
    counts_[i] += other.counts_[i];
    for (const std::string& example : other.examples_[i])
      if (examples_[i].size() < shown_) examples_[i].push_back(example);
  }
  warnings_.insert(warnings_.end(), other.warnings_.begin(), other.warnings_.end());
}

std::string quotable(std::string_view text) {
  constexpr std::size_t kLongest = 200;
  std::string quoted(text.substr(0, kLongest));
  for (char& c : quoted)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return text.size() > kLongest ? quoted + "..." : quoted;
}

}  // namespace ofer
