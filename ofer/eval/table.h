// Tables of figures, apart from where they are shown.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "ofer/eval/bootstrap.h"

namespace ofer {

// How a column's or an axis's numbers are written.
struct NumberStyle {
  enum class Kind : std::uint8_t {
    kPlain,    // with `digits` behind the point
    kPercent,  // a share: times 100, with `digits` behind the point
    kGeneral,  // `digits` that count, with an exponent where needed (a learning rate)
  };
  Kind kind = Kind::kPlain;
  int digits = 2;
};

inline constexpr NumberStyle kPercentStyle{NumberStyle::Kind::kPercent, 1};
inline constexpr NumberStyle kGeneralStyle{NumberStyle::Kind::kGeneral, 4};

// "0.98", "95.3 %", "1e-04"; "inf", "nan".
std::string number_text(double value, NumberStyle style);

// "95.3 % [94.1, 96.2]", the same without its interval, or "-" where there is no value.
std::string estimate_text(const Estimate& estimate, NumberStyle style);

// Nothing known, text, a count, a number, a number with an interval.
using Cell = std::variant<std::monostate, std::string, std::int64_t, double, Estimate>;
std::string cell_text(const Cell& cell, NumberStyle style);

struct Column {
  std::string title;
  NumberStyle style;
  std::string key;  // its name in JSON; the title where it is empty

  const std::string& name() const { return key.empty() ? title : key; }
};

struct Table {
  std::string title;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;  // one cell for each column
  std::vector<std::string> notes;       // below it: what a reader has to know about the figures

  // Throws kBadArgument when a row has another number of cells, no column is there, or two have one
  // name.
  void check() const;
  // Columns of numbers stand to the right: no text in them.
  bool is_number(std::size_t column) const;
};

// "12 of 2000 resamples do not define it": a sentence for `notes` about each row whose interval
// leaves resamples out, by the text of its first cell.
std::vector<std::string> notes_on_undefined(const Table& table);

}  // namespace ofer
