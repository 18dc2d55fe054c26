// Where a command reads and prints, and what it knows about that place.
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <string_view>

#include "engine/terminal_text.h"

namespace ofer {

struct Console {
  std::istream& in;
  std::ostream& out;
  std::ostream& err;
  bool out_is_terminal = false;
  bool err_is_terminal = false;
  bool colours = false;  // on `out`
  bool unicode = false;  // the terminal's characters are UTF-8
  int width = 80;        // columns
};

// Standard input, output and error. Colours on a terminal unless NO_COLOR is set or TERM is dumb.
Console system_console();

// Nobody reads standard output any more (a closed pipe): the command ends without a word.
struct OutputClosed {};

// Prints one line, the newline added, and sees that it got out. Throws OutputClosed, or kIo with
// the cause, as on a full disk.
void print_line(Console& console, std::string_view line);

// Prints one line on standard error; a failure there is nobody's business.
void print_note(Console& console, std::string_view line);

}  // namespace ofer
