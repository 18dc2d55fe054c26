#include "tools/interrupt.h"

#include <atomic>

namespace ofer {

namespace {

// A handler may touch nothing but these; both are single lock-free stores, and so is cancel().
std::atomic<Session*> session_to_cancel{nullptr};
volatile std::sig_atomic_t signal_that_came = 0;
static_assert(std::atomic<Session*>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void remember_and_cancel(int number) {
  signal_that_came = number;
  if (Session* session = session_to_cancel.load()) session->cancel();
}

}  // namespace

Interrupt::Interrupt(Session& session) : Interrupt() {
  session_to_cancel = &session;
}

Interrupt::Interrupt() {
  signal_that_came = 0;
  struct sigaction action {};
  action.sa_handler = remember_and_cancel;
  // The second signal does what it always did. No SA_RESTART: waiting for standard input ends, too.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &before_interrupt_);
  ::sigaction(SIGTERM, &action, &before_terminate_);
}

Interrupt::~Interrupt() {
  ::sigaction(SIGINT, &before_interrupt_, nullptr);
  ::sigaction(SIGTERM, &before_terminate_, nullptr);
  session_to_cancel = nullptr;
}

int Interrupt::signal() const {
  return signal_that_came;
}

}  // namespace ofer
