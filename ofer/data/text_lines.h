// Lists and tables as lines of a text file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace ofer {

// Lines are read one at a time, so that memory does not grow with the file.
class TextLines {
 public:
  // A line of more bytes is given cut off, with too_long() set.
  static constexpr std::size_t kLongest = std::size_t{1} << 20;

  // Throws kIo with path and cause.
  explicit TextLines(const std::filesystem::path& path);

  // The next line without its end (LF or CRLF); the first one without a byte order mark. False
  // behind the last. Throws kIo when the system refuses to read.
  bool next();
  const std::string& text() const { return text_; }
  std::int64_t number() const { return number_; }  // of this line, from 1
  std::int64_t offset() const { return offset_; }  // in the file, of text()[0]
  bool too_long() const { return too_long_; }

 private:
  int take();

  std::string name_;
  std::ifstream file_;
  std::vector<char> buffer_;
  std::size_t at_ = 0, end_ = 0;
  std::string text_;
  std::int64_t number_ = 0, offset_ = 0, place_ = 0;
  bool too_long_ = false;
};

// One field of a line of a table, and where it stands in it.
struct CsvField {
  std::string text;
  std::size_t first = 0;  // of the field's bytes in the line; inside the quotes of a quoted one
};

// Splits a line at the separator. A field that begins with a double quote ends at the next single
// one; "" inside stands for one. False when a quote is not closed or something follows it: a field
// over several lines is not supported.
bool split_csv(std::string_view line, char separator, std::vector<CsvField>& fields);

}  // namespace ofer
