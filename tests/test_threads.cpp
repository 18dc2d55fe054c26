// The CPU stream: loops shared by threads.
#include "kernels/cpu/threads.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

namespace ofer::test {
namespace {

using kernels::Index;
using kernels::cpu::CpuStream;

constexpr int kMostThreads = 8;

TEST_SUITE("threads") {
  TEST_CASE("ranges cover the count exactly once, on multiples of the grain") {
    for (int threads = 1; threads <= kMostThreads; ++threads) {
      CpuStream stream(threads);
      CHECK(stream.threads() == threads);
      for (const Index count : {0, 1, 2, 7, 64, 1000, 1001})
        for (const Index grain : {1, 3, 64, 1000, 5000}) {
          std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
          std::atomic<bool> bad{false};
          stream.parallel_for(count, grain, [&](Index begin, Index end, int worker) {
            if (begin % grain != 0 || end <= begin || end - begin > grain || end > count ||
                worker < 0 || worker >= threads)
              bad = true;
            for (Index i = begin; i < end && i < count; ++i) ++visits[static_cast<std::size_t>(i)];
          });
          CHECK_FALSE(bad);
          bool once = true;
          for (const auto& n : visits) once = once && n == 1;
          CHECK_MESSAGE(once, threads, " threads, count ", count, ", grain ", grain);
        }
    }
  }

  TEST_CASE("a grain below one is one, a negative count is none") {
    CpuStream stream(2);
    std::atomic<int> calls{0};
    stream.parallel_for(5, 0, [&](Index begin, Index end, int) { calls += end - begin == 1; });
    CHECK(calls == 5);
    stream.parallel_for(-3, 1, [&](Index, Index, int) { ++calls; });
    CHECK(calls == 5);
  }

  TEST_CASE("every worker number belongs to one thread at a time") {
    CpuStream stream(4);
    std::vector<std::atomic<int>> inside(4);
    std::atomic<bool> shared{false};
    for (int round = 0; round < 50; ++round)
      stream.parallel_for(64, 1, [&](Index, Index, int worker) {
        if (inside[static_cast<std::size_t>(worker)].fetch_add(1) != 0) shared = true;
        inside[static_cast<std::size_t>(worker)].fetch_sub(1);
      });
    CHECK_FALSE(shared);
  }

  TEST_CASE("many small loops") {
    for (const int threads : {1, 2, 3, kMostThreads}) {
      CpuStream stream(threads);
      std::int64_t expected = 0;
      std::atomic<std::int64_t> sum{0};
      for (Index loop = 0; loop < 3000; ++loop) {
        const Index count = loop % 5;
        stream.parallel_for(count, 1, [&](Index begin, Index, int) { sum += loop + begin; });
        for (Index i = 0; i < count; ++i) expected += loop + i;
        REQUIRE(sum == expected);  // all of a loop is done when it returns
      }
    }
  }

  TEST_CASE("what one loop wrote the next one sees") {
    CpuStream stream(3);
    std::vector<std::int64_t> values(1000, 0);
    for (int round = 1; round <= 200; ++round) {
      stream.parallel_for(1000, 7, [&](Index begin, Index end, int) {
        // Reads what another thread wrote in the round before.
        for (Index i = begin; i < end; ++i) ++values[static_cast<std::size_t>(999 - i)];
      });
      stream.parallel_for(1000, 13, [&](Index begin, Index end, int) {
        for (Index i = begin; i < end; ++i) ++values[static_cast<std::size_t>(i)];
      });
    }
    CHECK(values == std::vector<std::int64_t>(1000, 400));
  }

  TEST_CASE("an exception of a range is rethrown when all ranges have ended") {
    for (int threads = 1; threads <= kMostThreads; ++threads) {
      CpuStream stream(threads);
      for (const Index thrower : {0, 17, 99}) {
        std::atomic<int> running{0};
        std::string caught;
        try {
          stream.parallel_for(100, 1, [&](Index begin, Index, int) {
            ++running;
            if (begin == thrower) {
              --running;
              throw std::runtime_error("range " + std::to_string(begin));
            }
            --running;
          });
        } catch (const std::runtime_error& error) {
          caught = error.what();
        }
        CHECK(caught == "range " + std::to_string(thrower));
        CHECK(running == 0);
        // The stream works on, and the exception does not come back.
        std::atomic<int> ranges{0};
        stream.parallel_for(100, 1, [&](Index, Index, int) { ++ranges; });
        CHECK(ranges == 100);
      }
    }
  }

  TEST_CASE("when every range throws, one exception arrives") {
    CpuStream stream(4);
    int caught = 0;
    for (int round = 0; round < 20; ++round) {
      try {
        stream.parallel_for(50, 1, [](Index, Index, int) -> void { throw 7; });
      } catch (int seven) {
        caught += seven == 7;
      }
    }
    CHECK(caught == 20);
  }

  TEST_CASE("streams are made and destroyed, used or not") {
    for (int round = 0; round < 20; ++round)
      for (int threads = 1; threads <= kMostThreads; ++threads) {
        CpuStream unused(threads);
        auto used = std::make_unique<CpuStream>(threads);
        std::atomic<int> ranges{0};
        if (round % 2) used->parallel_for(9, 1, [&](Index, Index, int) { ++ranges; });
        used.reset();
        CHECK(ranges == (round % 2 ? 9 : 0));
      }
  }

  TEST_CASE("two streams at once do not disturb each other") {
    std::atomic<int> wrong{0};
    const auto work = [&] {
      CpuStream stream(3);
      for (int round = 0; round < 200; ++round) {
        std::atomic<Index> sum{0};
        stream.parallel_for(40, 1, [&](Index begin, Index, int) { sum += begin; });
        if (sum != 780) ++wrong;
      }
    };
    std::thread other(work);
    work();
    other.join();
    CHECK(wrong == 0);
  }

  TEST_CASE("scratch memory that one worker needed in a loop all have behind it") {
    for (const Index ranges :
         {1, 3}) {  // by the caller alone, where the others need none; shared out
      CpuStream stream(3);
      stream.parallel_for(ranges, 1, [&](Index begin, Index, int worker) {
        if (begin == 0) stream.scratch<float>(worker, 1, 1000);
      });
      const std::size_t bytes = stream.scratch_bytes();
      for (int worker = 0; worker < 3; ++worker) stream.scratch<float>(worker, 1, 1000);
      CHECK(stream.scratch_bytes() == (ranges == 1 ? 3 * bytes : bytes));
      stream.scratch<float>(2, 1, 2000);
      CHECK(stream.scratch_bytes() > bytes);
    }
  }

  TEST_CASE("scratch memory is aligned, apart for each worker and slot, and only grows") {
    constexpr int kWorkers = 3;
    CpuStream stream(kWorkers);
    CHECK(stream.scratch_bytes() == 0);
    std::set<void*> places;
    const auto see = [&](void* place) {
      CHECK(reinterpret_cast<std::uintptr_t>(place) % 64 == 0);
      CHECK_MESSAGE(places.insert(place).second, "two slots share their memory");
    };
    for (int slot = 0; slot < CpuStream::kSlots; ++slot) {
      for (int worker = 0; worker < kWorkers; ++worker)
        see(stream.scratch<float>(worker, slot, 100));
      see(stream.shared_scratch<double>(slot, 50));
    }
    const std::size_t bytes = stream.scratch_bytes();
    CHECK(bytes >= static_cast<std::size_t>(CpuStream::kSlots) * (kWorkers + 1) * 400);
    // Smaller and equal requests give the same memory back.
    float* place = stream.scratch<float>(1, 2, 100);
    CHECK(stream.scratch<float>(1, 2, 7) == place);
    CHECK(stream.scratch<double>(1, 2, 50) == reinterpret_cast<double*>(place));
    CHECK(stream.scratch_bytes() == bytes);
    float* larger = stream.scratch<float>(1, 2, 10000);
    larger[0] = larger[9999] = 1;
    CHECK(stream.scratch_bytes() > bytes);
  }
}

}  // namespace
}  // namespace ofer::test
