#include "ofer/data/labels.h"

#include <charconv>
#include <system_error>

namespace ofer {

namespace {

// One expression a row, in lower case.
constexpr std::string_view kWords[][6] = {
    {"surprise", "surprised", "surprising"},
    {"fear", "fearful", "afraid", "scared"},
    {"disgust", "disgusted"},
    {"happiness", "happy", "joy", "joyful", "smile"},
    {"sadness", "sad"},
    {"anger", "angry"},
    {"neutral", "neutrality"},
    {"contempt", "contemptuous"},
};
constexpr int kRows = static_cast<int>(std::size(kWords));

// Row of kWords that holds the word, or -1.
int row_of(std::string_view word) {
  for (int row = 0; row < kRows; ++row)
    for (std::string_view known : kWords[row])
      if (!known.empty() && known == word) return row;
  return -1;
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\f\v";
  const std::size_t first = text.find_first_not_of(kSpace);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

std::optional<int> whole_number(std::string_view text) {
  text = trimmed(text);
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

int match_label(std::string_view text, std::span<const std::string> labels) {
  text = trimmed(text);
  if (text.empty()) return -1;
  const auto first = [&](auto&& fits) {
    for (std::size_t i = 0; i < labels.size(); ++i)
      if (fits(labels[i])) return static_cast<int>(i);
    return -1;
  };
  if (const int i = first([&](const std::string& label) { return label == text; }); i >= 0)
    return i;
  const std::string word = lower_case(text);
  if (const int i = first([&](const std::string& label) { return lower_case(label) == word; });
      i >= 0)
    return i;
  const int row = row_of(word);
  if (row < 0) return -1;
  return first([&](const std::string& label) { return row_of(lower_case(label)) == row; });
}

}  // namespace ofer
