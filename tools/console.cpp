#include "tools/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <system_error>

#include "engine/error.h"

namespace ofer {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// The locale's characters, by the variables' order of precedence.
bool utf8_locale() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    std::string value = environment(name);
    if (value.empty()) continue;
    std::transform(value.begin(), value.end(), value.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return value.find("UTF-8") != std::string::npos || value.find("UTF8") != std::string::npos;
  }
  return false;
}

int terminal_width() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

Console system_console() {
  Console console{std::cin, std::cout, std::cerr};
  console.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  console.err_is_terminal = ::isatty(STDERR_FILENO) == 1;
  console.colours =
      console.out_is_terminal && environment("NO_COLOR").empty() && environment("TERM") != "dumb";
  console.unicode = utf8_locale();
  console.width = terminal_width();
  return console;
}

void print_line(Console& console, std::string_view line) {
  errno = 0;
  console.out << line << '\n' << std::flush;
  if (console.out) return;
  const int error = errno;
  if (error == EPIPE) throw OutputClosed{};
  fail(ErrorCode::kIo, "standard output: cannot write: ",
       error != 0 ? std::generic_category().message(error) : "unknown cause");
}

void print_note(Console& console, std::string_view line) {
  console.err << line << '\n' << std::flush;
}

}  // namespace ofer
