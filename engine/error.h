// Errors of the library: one exception type with a code, and the check that throws it.
//
// Inside the library every failure is an ofer::Error; at the C boundary it becomes a status code.
// A message is one line that names the cause and, where there is one, the remedy.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

namespace ofer {

enum class ErrorCode {
  kBadArgument,  // the caller passed something that cannot be
  kBadFile,      // a file's content is not what it must be
  kIo,           // the system refused to read or write
  kUnsupported,  // known, but not available on this backend, build or machine
  kOutOfMemory,
  kDevice,  // the device, its driver or its library failed
  kCancelled,
  kInternal,  // a defect of this library
};

// Short lower-case name of a code, for logs and JSON.
inline const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::kBadArgument: return "bad argument";
    case ErrorCode::kBadFile: return "bad file";
    case ErrorCode::kIo: return "input/output";
    case ErrorCode::kUnsupported: return "unsupported";
    case ErrorCode::kOutOfMemory: return "out of memory";
    case ErrorCode::kDevice: return "device";
    case ErrorCode::kCancelled: return "cancelled";
    case ErrorCode::kInternal: return "internal";
  }
  return "unknown";
}

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

// Builds a message from its pieces: message("row ", 3, " of ", 7). Where memory runs out it throws,
// as a stream by itself would not.
template <class... Pieces>
std::string message(const Pieces&... pieces) {
  std::ostringstream out;
  out.exceptions(std::ios::badbit);
  (out << ... << pieces);
  return out.str();
}

template <class... Pieces>
[[noreturn]] void fail(ErrorCode code, const Pieces&... pieces) {
  throw Error(code, message(pieces...));
}

// Throws with `code` and the pieces that follow when `condition` does not hold. The pieces become
// text only then: pass a Shape, not its to_string().
template <class... Pieces>
void require(bool condition, ErrorCode code, const Pieces&... pieces) {
  if (!condition) [[unlikely]]
    fail(code, pieces...);
}

}  // namespace ofer

// For what only a defect of the library can break: names expression, file and line.
#define OFER_ASSERT(expression)                                                            \
  do {                                                                                     \
    if (!(expression)) [[unlikely]]                                                        \
      ::ofer::fail(::ofer::ErrorCode::kInternal, "internal error: ", #expression, " at ",   \
                   __FILE__, ":", __LINE__, "; please report it");                         \
  } while (false)
