#include "tools/session_options.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <string_view>

#include "engine/error.h"
#include "tools/number_text.h"

namespace ofer {

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
       "\"; there are fp32, tf32, bf16, mixed and fp64");
}

void add_session_options(CLI::App& command, SessionNames& names, const std::string& group,
                         const char* precisions) {
  CLI::Option* const options[] = {
      command.add_option("--device", names.device, "cpu (default), cuda, cuda:N or simt")
          ->type_name("NAME"),
      command.add_option("--precision", names.precision, precisions)->type_name("NAME"),
      command.add_option("--threads", names.threads, "0 (default): one for each core")
          ->type_name("N")};
  if (group.empty()) return;
  for (CLI::Option* option : options) option->group(group);
}

SessionOptions session_options(const SessionNames& names, Console& console) {
  SessionOptions session;
  session.device = device_named(names.device);
  session.precision = precision_named(names.precision);
  session.threads = names.threads;
  session.log = [&console](LogLevel level, std::string_view text) {
    if (level == LogLevel::kWarning) print_note(console, "ofer: " + one_line(text));
  };
  return session;
}

}  // namespace ofer
