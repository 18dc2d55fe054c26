#include "kernels/cpu/signals_held.h"

#include <csignal>

namespace ofer::kernels::cpu {

namespace {

thread_local sigset_t before;

// Held back, they would end the process without the handler that should report them.
constexpr int kRaisedByInstructions[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};

}  // namespace

constinit thread_local int SignalsHeld::depth_ = 0;

void SignalsHeld::hold() {
  sigset_t held;
  sigfillset(&held);
  for (const int number : kRaisedByInstructions) sigdelset(&held, number);
  pthread_sigmask(SIG_BLOCK, &held, &before);
}

void SignalsHeld::release() {
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace ofer::kernels::cpu
