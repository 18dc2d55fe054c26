#include "ofer/api/status.h"

#include <algorithm>
#include <cstring>

namespace ofer::api {

void copy_text(std::string_view text, std::span<char> to) noexcept {
  if (to.empty()) return;
  std::size_t length = std::min(text.size(), to.size() - 1);
  // A byte 10xxxxxx goes on with a character that began before it.
  if (length < text.size())
    while (length > 0 && (static_cast<unsigned char>(text[length]) & 0xC0) == 0x80) --length;
  for (std::size_t i = 0; i < length; ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    to[i] = c < 0x20 || c == 0x7F ? ' ' : text[i];
  }
  to[length] = '\0';
}

ofer_status status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::kBadArgument:
      return OFER_BAD_ARGUMENT;
    case ErrorCode::kBadFile:
      return OFER_BAD_FILE;
    case ErrorCode::kIo:
      return OFER_IO;
    case ErrorCode::kUnsupported:
      return OFER_UNSUPPORTED;
    case ErrorCode::kOutOfMemory:
      return OFER_OUT_OF_MEMORY;
    case ErrorCode::kDevice:
      return OFER_DEVICE;
    case ErrorCode::kCancelled:
      return OFER_CANCELLED;
    case ErrorCode::kInternal:
      return OFER_INTERNAL;
  }
  return OFER_INTERNAL;
}

void tell(ofer_error* error, ofer_status status, std::string_view text) noexcept {
  constexpr std::size_t begin = offsetof(ofer_error, text);
  if (!error || error->size <= begin) return;
  error->status = status;
  copy_text(text, std::span(error->text, std::min(error->size - begin, sizeof error->text)));
}

}  // namespace ofer::api

extern "C" const char* ofer_status_name(ofer_status status) noexcept {
  switch (status) {
    case OFER_OK:
      return "ok";
    case OFER_BAD_ARGUMENT:
      return "bad argument";
    case OFER_BAD_FILE:
      return "bad file";
    case OFER_IO:
      return "input/output";
    case OFER_UNSUPPORTED:
      return "unsupported";
    case OFER_OUT_OF_MEMORY:
      return "out of memory";
    case OFER_DEVICE:
      return "device";
    case OFER_CANCELLED:
      return "cancelled";
    case OFER_BUSY:
      return "busy";
    case OFER_INTERNAL:
      return "internal";
    default:
      return "unknown";
  }
}
