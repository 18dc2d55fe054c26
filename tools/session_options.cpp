#include "tools/session_options.h"

#include <charconv>
#include <optional>
#include <string_view>

#include "engine/error.h"

namespace ofer {

namespace {

// A whole number and nothing behind it.
std::optional<int> number_in(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

}  // namespace

Device device_named(const std::string& name) {
  const std::size_t colon = name.find(':');
  const std::string kind = name.substr(0, colon);
  const std::optional<int> index =
      colon == std::string::npos ? 0 : number_in(std::string_view(name).substr(colon + 1));
  for (const DeviceKind known : {DeviceKind::kCpu, DeviceKind::kCuda, DeviceKind::kSimt})
    if (kind == name_of(known) && index && *index >= 0 &&
        (colon == std::string::npos || known == DeviceKind::kCuda))
      return {known, *index};
  fail(ErrorCode::kBadArgument, "--device: no device \"", name,
       "\"; there are cpu, cuda, cuda:N and simt");
}

std::string shown(const Device& device) {
  std::string text = name_of(device.kind);
  if (device.kind == DeviceKind::kCuda) text += ':' + std::to_string(device.index);
  return text;
}

Precision precision_named(const std::string& name) {
  for (const Precision known : kPrecisions)
    if (name == name_of(known)) return known;
  fail(ErrorCode::kBadArgument, "--precision: no precision \"", name,
       "\"; there are fp32, tf32, bf16 and fp64");
}

SessionOptions session_options(const std::string& device, const std::string& precision, int threads,
                               Console& console) {
  SessionOptions session;
  session.device = device_named(device);
  session.precision = precision_named(precision);
  session.threads = threads;
  session.log = [&console](LogLevel level, std::string_view text) {
    if (level == LogLevel::kWarning) print_note(console, "ofer: " + one_line(text));
  };
  return session;
}

}  // namespace ofer
