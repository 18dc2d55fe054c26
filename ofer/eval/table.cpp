#include "ofer/eval/table.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "engine/error.h"

namespace ofer {

namespace {

// Without the percent sign, which an interval needs only once.
std::string digits_of(double value, NumberStyle style) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  const int digits = std::clamp(style.digits, 0, 17);
  if (style.kind == NumberStyle::Kind::kPercent) value *= 100;
  char text[400];  // the largest double has 309 digits before the point
  std::snprintf(text, sizeof(text), style.kind == NumberStyle::Kind::kGeneral ? "%.*g" : "%.*f",
                digits, value);
  // What rounds to nothing has no sign.
  const std::string result = text;
  return result[0] == '-' && result.find_first_of("123456789") == result.npos ? result.substr(1)
                                                                              : result;
}

const char* sign_of(NumberStyle style) {
  return style.kind == NumberStyle::Kind::kPercent ? " %" : "";
}

}  // namespace

std::string number_text(double value, NumberStyle style) {
  return digits_of(value, style) + (std::isfinite(value) ? sign_of(style) : "");
}

std::string estimate_text(const Estimate& estimate, NumberStyle style) {
  if (!estimate.value) return "-";
  std::string text = number_text(*estimate.value, style);
  if (estimate.interval)
    text += " [" + digits_of(estimate.interval->low, style) + ", " +
            digits_of(estimate.interval->high, style) + "]";
  return text;
}

std::string cell_text(const Cell& cell, NumberStyle style) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* count = std::get_if<std::int64_t>(&cell)) return std::to_string(*count);
  if (const auto* value = std::get_if<double>(&cell)) return number_text(*value, style);
  if (const auto* value = std::get_if<Estimate>(&cell)) return estimate_text(*value, style);
  return "-";
}

void Table::check() const {
  require(!columns.empty(), ErrorCode::kBadArgument, "table '", title, "' has no columns");
  std::set<std::string> names;
  for (const Column& column : columns)
    require(names.insert(column.name()).second, ErrorCode::kBadArgument, "table '", title,
            "' has two columns of the name '", column.name(), "'; give one of them a key");
  for (std::size_t r = 0; r < rows.size(); ++r)
    require(rows[r].size() == columns.size(), ErrorCode::kBadArgument, "table '", title, "', row ",
            r, ": ", rows[r].size(), " cells for ", columns.size(), " columns");
}

bool Table::is_number(std::size_t column) const {
  return !rows.empty() && std::none_of(rows.begin(), rows.end(), [column](const auto& row) {
    return std::holds_alternative<std::string>(row[column]);
  });
}

std::vector<std::string> notes_on_undefined(const Table& table) {
  table.check();
  std::vector<std::string> notes;
  for (const std::vector<Cell>& row : table.rows)
    for (std::size_t c = 0; c < row.size(); ++c) {
      const auto* value = std::get_if<Estimate>(&row[c]);
      if (!value || value->undefined == 0) continue;
      const std::string lead = cell_text(row[0], table.columns[0].style);
      notes.push_back((c > 0 ? lead + ", " : "") + table.columns[c].title + ": " +
                      std::to_string(value->undefined) + " resamples do not define it" +
                      (value->interval ? " and are left out of its interval" : ""));
    }
  return notes;
}

}  // namespace ofer
