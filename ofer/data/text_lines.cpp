#include "ofer/data/text_lines.h"

#include <cerrno>
#include <system_error>

#include "engine/error.h"

namespace ofer {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 16;

}  // namespace

TextLines::TextLines(const std::filesystem::path& path) : name_(path.string()) {
  std::error_code ignored;
  require(!std::filesystem::is_directory(path, ignored), ErrorCode::kIo, name_,
          ": is a folder, not a list");
  errno = 0;
  file_.open(path, std::ios::binary);
  require(file_.is_open(), ErrorCode::kIo, name_,
          ": cannot open: ", std::generic_category().message(errno));
  buffer_.resize(kPiece);
}

// The next byte, or -1 at the end.
int TextLines::take() {
  if (at_ == end_) {
    file_.read(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
    require(!file_.bad(), ErrorCode::kIo, name_, ": cannot read");
    at_ = 0;
    end_ = static_cast<std::size_t>(file_.gcount());
    if (end_ == 0) return -1;
  }
  ++place_;
  return static_cast<unsigned char>(buffer_[at_++]);
}

bool TextLines::next() {
  text_.clear();
  too_long_ = false;
  offset_ = place_;
  int c = take();
  if (c < 0) return false;
  ++number_;
  for (; c >= 0 && c != '\n'; c = take()) {
    if (text_.size() < kLongest)
      text_ += static_cast<char>(c);
    else
      too_long_ = true;
  }
  if (!text_.empty() && text_.back() == '\r') text_.pop_back();
  if (number_ == 1 && text_.starts_with("\xEF\xBB\xBF")) {
    text_.erase(0, 3);
    offset_ += 3;
  }
  return true;
}

bool split_csv(std::string_view line, char separator, std::vector<CsvField>& fields) {
  fields.clear();
  for (std::size_t at = 0;;) {
    CsvField field;
    if (at < line.size() && line[at] == '"') {
      field.first = ++at;
      for (;; ++at) {
        if (at >= line.size()) return false;
        if (line[at] == '"' && !line.substr(at + 1).starts_with('"')) break;
        if (line[at] == '"') ++at;
        field.text += line[at];
      }
      ++at;
      if (at < line.size() && line[at] != separator) return false;
    } else {
      const std::size_t end = std::min(line.find(separator, at), line.size());
      field.first = at;
      field.text = line.substr(at, end - at);
      at = end;
    }
    fields.push_back(std::move(field));
    if (at >= line.size()) return true;
    ++at;  // behind the separator; a line that ends with one has an empty last field
  }
}

}  // namespace ofer
