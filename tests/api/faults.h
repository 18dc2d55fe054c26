// Memory that can be made to fail: every operator new and aligned_alloc of this program, but not
// what libraries take for themselves.
#pragma once

#include <cstddef>

namespace ofer::test {

// From here on the `number`-th allocation (0: the next one) fails, once, on whichever thread.
void fail_allocation(std::size_t number);
// Whether it has come to that since; nothing fails any more.
bool stop_failing();

// Allocations since the program began, by all threads.
std::size_t allocations();

}  // namespace ofer::test
