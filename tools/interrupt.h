// Ctrl-C: the running pass ends early, and the command leaves in order.
#pragma once

#include <csignal>

#include "engine/session.h"

namespace ofer {

// While one lives, the first SIGINT or SIGTERM cancels the session's pass and is remembered; the
// second one ends the process as if nobody had listened. One at a time in a process, since signals
// belong to the process.
class Interrupt {
 public:
  explicit Interrupt(Session& session);
  // Remembers only: for work that ends at a step of its own.
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  // The signal that came, or 0.
  int signal() const;

 private:
  struct sigaction before_interrupt_ {};
  struct sigaction before_terminate_ {};
};

}  // namespace ofer
