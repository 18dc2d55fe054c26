#include "tools/validators.h"

#include <CLI/CLI.hpp>

namespace ofer {

CLI::Validator at_least(int least) {
  return CLI::Validator(
      [least](std::string& text) {
        const bool digits = !text.empty() && text.size() < 20 &&
                            text.find_first_not_of("0123456789") == std::string::npos;
        if (digits && (least == 0 || text.find_first_not_of('0') != std::string::npos))
          return std::string();
        return "\"" + text + "\" is not a whole number of at least " + std::to_string(least);
      },
      "");
}

void refuse_empty(CLI::App& command, std::initializer_list<const char*> names) {
  const CLI::Validator not_empty(
      [](std::string& text) { return std::string(text.empty() ? "the name is empty" : ""); }, "");
  for (const char* name : names) command.get_option(name)->check(not_empty);
}

}  // namespace ofer
