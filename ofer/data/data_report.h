// What was wrong with a data set: every case counted, the first few told.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace ofer {

enum class DataProblem {
  kMissingFile,   // listed, not there
  kUnsafePath,    // a name that leads out of the folder
  kUnknownLabel,  // a label that is none of the model's, or none where one is needed
  kBadLine,       // a line that cannot be read
  kBadImage,      // a file that is no picture, or a damaged one
};
inline constexpr std::size_t kDataProblems = 5;

// A plain value of one thread.
class DataReport {
 public:
  // Of each kind the first `shown` are kept as text.
  explicit DataReport(std::size_t shown = 10) : shown_(shown) {}

  void add(DataProblem problem, std::string_view what, std::size_t count = 1);
  // Remarks on the whole set, such as one with a single class.
  void warn(std::string text) { warnings_.push_back(std::move(text)); }

  std::size_t count(DataProblem problem) const { return counts_[index(problem)]; }
  std::size_t total() const;
  std::size_t shown() const { return shown_; }
  // Each one line without control characters: "list.txt line 3: a.jpg is not there".
  const std::vector<std::string>& examples(DataProblem problem) const {
    return examples_[index(problem)];
  }
  const std::vector<std::string>& warnings() const { return warnings_; }

  // "12 missing files, 1 unknown label", or "" when nothing was wrong.
  std::string summary() const;
  // Counts and examples of the other behind one's own.
  void append(const DataReport& other);

 private:
  static std::size_t index(DataProblem problem) { return static_cast<std::size_t>(problem); }

  std::size_t shown_;
  std::array<std::size_t, kDataProblems> counts_{};
  std::array<std::vector<std::string>, kDataProblems> examples_;
  std::vector<std::string> warnings_;
};

// The text with control characters as '?', cut behind 200 bytes, so that a line of a file can
// stand in a message.
std::string quotable(std::string_view text);

}  // namespace ofer
