// How many threads a computation gets when nobody says.
#pragma once

namespace ofer {

// Cores that this process may run on, which in a container can be fewer than the machine has; at
// least 1.
int usable_cores();

// `asked`, or, for 0, one thread for each usable core.
inline int threads_or_cores(int asked) {
  return asked > 0 ? asked : usable_cores();
}

}  // namespace ofer
