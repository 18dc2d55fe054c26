// Signals wait while a thread multiplies matrices.
//
// The generated products of oneDNN (2.6, and likely its neighbours) use the stack pointer as one
// more pointer into their buffers. A signal that the kernel delivers meanwhile, to a handler
// without a stack of its own (SA_ONSTACK), has its frame written there: over the host program's
// heap.
#pragma once

namespace ofer::kernels::cpu {

// While it lives, the calling thread takes no signal but those that its own instructions raise
// (SIGSEGV and its kind). One that comes goes to another thread of the process, or waits. Nests;
// only the outermost one of a thread costs two system calls, a good third of a microsecond.
class SignalsHeld {
 public:
  SignalsHeld() {
    if (depth_++ == 0) hold();
  }
  ~SignalsHeld() {
    if (--depth_ == 0) release();
  }
  SignalsHeld(const SignalsHeld&) = delete;
  SignalsHeld& operator=(const SignalsHeld&) = delete;

 private:
  static void hold();
  static void release();

  // constinit: other files read it without asking whether it has begun.
  static constinit thread_local int depth_;
};

}  // namespace ofer::kernels::cpu
