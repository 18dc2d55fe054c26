// Counts what goes through operator new, to show that a warm pass takes no memory.
#pragma once

#include <cstddef>

namespace ofer::test {

// False in sanitizer builds, whose own operator new stays in place.
bool allocations_counted();
// Bytes asked of operator new since the program began, by all threads.
std::size_t allocated_bytes();

}  // namespace ofer::test
