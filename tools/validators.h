// What options' values must be, apart from their type.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace CLI {
class App;
class Validator;
}  // namespace CLI

namespace ofer {

// A whole number of at least that, 0 or 1, so that no conversion ever sees "-1" or "2.5".
CLI::Validator at_least(int least);

// The options of these names may not be empty: an empty name is a slip of a script, and must not
// read as an option that was not given.
void refuse_empty(CLI::App& command, std::initializer_list<const char*> names);

}  // namespace ofer
