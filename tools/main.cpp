// The ofer command: tools/command_line.h does the work.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "tools/command_line.h"
#include "tools/console.h"

namespace {

// A program started with a closed standard stream would get that number for the next file it
// opens, and print into it.
void occupy_standard_streams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(descriptor, F_GETFD) < 0) {
      // Writing to a read-only descriptor fails, as it would have to a closed one.
      const int opened = ::open("/dev/null", O_RDONLY);
      if (opened >= 0 && opened != descriptor) {
        ::dup2(opened, descriptor);
        ::close(opened);
      }
    }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    occupy_standard_streams();
    std::signal(SIGPIPE, SIG_IGN);  // a reader who has left is seen as a failed write
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    ofer::Console console = ofer::system_console();
    return ofer::run_command_line(arguments, console);
  } catch (const std::exception& error) {
    std::cerr << "ofer: " << error.what() << '\n';
  } catch (...) {
    std::cerr << "ofer: unknown error\n";
  }
  return ofer::kExitFailed;
}
