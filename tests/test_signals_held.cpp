// Signals that arrive while matrices are multiplied must not be written over the heap.
#include "kernels/cpu/signals_held.h"

#include <doctest/doctest.h>
#include <pthread.h>
#include <sys/time.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <vector>

#include "kernels/cpu/matmul.h"
#include "kernels/cpu/matmul_bf16.h"

namespace ofer::test {
namespace {

using kernels::Index;
using kernels::cpu::CpuStream;
using kernels::cpu::Matmul;
using kernels::cpu::SignalsHeld;

std::atomic<int> delivered{0}, off_the_stack{0};

// Where a thread's stack lies, told before the signals start: asking is not safe inside a handler.
thread_local std::uintptr_t stack_begin = 0, stack_end = 0;

void note_stack() {
  pthread_attr_t attributes;
  void* lowest = nullptr;
  std::size_t size = 0;
  REQUIRE(pthread_getattr_np(pthread_self(), &attributes) == 0);
  pthread_attr_getstack(&attributes, &lowest, &size);
  pthread_attr_destroy(&attributes);
  stack_begin = reinterpret_cast<std::uintptr_t>(lowest);
  stack_end = stack_begin + size;
}

void on_alarm(int) {
  int here = 0;
  const auto address = reinterpret_cast<std::uintptr_t>(&here);
  ++delivered;
  if (address < stack_begin || address >= stack_end) ++off_the_stack;
}

// SIGALRM every 100 microseconds, to a handler that uses the stack of whichever thread it meets.
class Alarms {
 public:
  Alarms() {
    struct sigaction action {};
    action.sa_handler = on_alarm;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGALRM, &action, &before_);
    set(100);
  }
  ~Alarms() {
    set(0);
    ::sigaction(SIGALRM, &before_, nullptr);
  }

 private:
  static void set(int microseconds) {
    const itimerval every{{0, microseconds}, {0, microseconds}};
    ::setitimer(ITIMER_REAL, &every, nullptr);
  }
  struct sigaction before_ {};
};

void multiply_under_alarms(int threads, bool bf16) {
  CpuStream stream(threads);
  const Index m = 48, n = 430, k = 190;
  const std::vector<float> a(static_cast<std::size_t>(m * k), 1.0f);
  const std::vector<float> b(static_cast<std::size_t>(k * n), 1.0f);
  std::vector<float> c(static_cast<std::size_t>(m * n));
  Matmul<float> product{false, false, m, n, k, a.data(), k, b.data(), n, c.data(), n};
  product.bf16 = bf16;
  delivered = 0, off_the_stack = 0;
  bool right = true;
  {
    const Alarms alarms;
    for (int i = 0; i < 20000 && delivered < 200; ++i) {
      c.assign(c.size(), -1.0f);
      kernels::cpu::matmul(product, stream);
      for (const float x : c) right = right && x == static_cast<float>(k);
    }
  }
  CHECK(right);
  CHECK(delivered > 0);
  CHECK(off_the_stack == 0);
}

TEST_SUITE("signals_held") {
  TEST_CASE("a handler never runs on a product's buffers") {
    note_stack();
    for (const int threads : {1, 3})
      for (const bool bf16 : {false, true}) {
        if (bf16 && kernels::cpu::bf16_missing()) continue;
        INFO(threads, " threads, bf16 ", bf16);
        multiply_under_alarms(threads, bf16);
      }
  }

  TEST_CASE("a signal waits for the outermost end, and the mask is as before") {
    struct sigaction action {
    }, before{};
    action.sa_handler = on_alarm;
    sigemptyset(&action.sa_mask);
    ::sigaction(SIGALRM, &action, &before);
    sigset_t mask_before, mask_after;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask_before);
    delivered = 0;
    {
      const SignalsHeld outer;
      {
        const SignalsHeld inner;
        pthread_kill(pthread_self(), SIGALRM);
        CHECK(delivered == 0);
      }
      CHECK(delivered == 0);
      sigset_t held;
      pthread_sigmask(SIG_SETMASK, nullptr, &held);
      CHECK(sigismember(&held, SIGINT) == 1);
      CHECK(sigismember(&held, SIGSEGV) == 0);
    }
    CHECK(delivered == 1);
    pthread_sigmask(SIG_SETMASK, nullptr, &mask_after);
    CHECK(sigismember(&mask_after, SIGALRM) == sigismember(&mask_before, SIGALRM));
    CHECK(sigismember(&mask_after, SIGINT) == sigismember(&mask_before, SIGINT));
    ::sigaction(SIGALRM, &before, nullptr);
  }

  TEST_CASE("a stream's workers take no signals") {
    CpuStream stream(3);
    std::atomic<int> open{0}, seen{0};
    // A range for each thread: none goes on until all have come.
    stream.parallel_for(3, 1, [&](Index, Index, int) {
      sigset_t mask;
      pthread_sigmask(SIG_SETMASK, nullptr, &mask);
      if (sigismember(&mask, SIGINT) == 0) ++open;
      ++seen;
      while (seen < 3) {
      }
    });
    CHECK(open == 0);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    CHECK(sigismember(&mask, SIGINT) == 0);
  }
}

}  // namespace
}  // namespace ofer::test
