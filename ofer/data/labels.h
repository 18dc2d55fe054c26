// Names of expressions as data sets write them, matched to the labels of a model.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ofer {

// Index of the label that `text` means, by the first of these that fits: the same name; the same in
// another case; another word for it (happy for happiness, angry for anger). -1: none. White space
// around the text does not count.
int match_label(std::string_view text, std::span<const std::string> labels);

// The text as a whole number, when it is nothing else ("3", "03", not "3.0").
std::optional<int> whole_number(std::string_view text);

// Without white space at both ends.
std::string_view trimmed(std::string_view text);

// ASCII letters in lower case.
std::string lower_case(std::string_view text);

}  // namespace ofer
