// Buffers, tensors and the counted workspace.
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <utility>

#include "engine/workspace.h"

namespace ofer {

TEST_SUITE("workspace") {
  TEST_CASE("a buffer is aligned, moves and refuses absurd sizes") {
    Buffer a(100);
    CHECK(reinterpret_cast<std::uintptr_t>(a.data()) % Buffer::kAlignment == 0);
    void* data = a.data();
    Buffer b = std::move(a);
    CHECK(b.data() == data);
    CHECK(a.data() == nullptr);  // NOLINT: the moved-from state is what is tested
    CHECK_THROWS_AS(Buffer(std::numeric_limits<std::size_t>::max()), Error);
    CHECK_THROWS_AS(Buffer(std::numeric_limits<std::size_t>::max() / 2), Error);
    CHECK_THROWS_AS(Buffer(8, Device{DeviceKind::kCuda, 0}), Error);
  }

  TEST_CASE("shapes: overflow, negative extents, too many axes") {
    CHECK(Shape({2, 3, 4}).elements() == 24);
    CHECK(Shape({5, 0, 7}).elements() == 0);
    CHECK_THROWS_AS(Shape({std::int64_t{1} << 40, std::int64_t{1} << 40}).elements(), Error);
    CHECK_THROWS_AS(Shape({-1}), Error);
    CHECK_THROWS_AS(Shape({1, 1, 1, 1, 1, 1, 1}), Error);
    CHECK(Shape({2, 3})[-1] == 3);
    CHECK_THROWS_AS(Shape({2, 3})[2], Error);
  }

  TEST_CASE("a tensor's views share memory and check their shapes and types") {
    Workspace workspace{Device{}};
    Tensor t = workspace.allocate({4, 6}, DType::kF32);
    for (int i = 0; i < 24; ++i) t.data<float>()[i] = static_cast<float>(i);
    CHECK(t.view({2, 12}).data<float>()[13] == 13);
    CHECK(t.rows(1, 2).data<float>()[0] == 6);
    CHECK_THROWS_AS(t.view({5, 5}), Error);
    CHECK_THROWS_AS(t.rows(3, 2), Error);
    CHECK_THROWS_AS(t.data<double>(), Error);
  }

  TEST_CASE("scopes give back, holds keep") {
    Workspace workspace{Device{}};
    const Tensor a = workspace.allocate({16}, DType::kF32);
    void* inside = nullptr;
    {
      const Workspace::Scope scope(workspace);
      inside = workspace.allocate({16}, DType::kF32).raw();
    }
    CHECK(workspace.allocate({16}, DType::kF32).raw() == inside);
    void* kept = nullptr;
    {
      const Workspace::Hold hold(workspace);
      {
        const Workspace::Scope scope(workspace);
        kept = workspace.allocate({16}, DType::kF32).raw();
      }
      CHECK(workspace.allocate({16}, DType::kF32).raw() != kept);
    }
    CHECK(workspace.allocate({16}, DType::kF32).raw() == kept);
    CHECK(a.raw() != kept);
  }

  TEST_CASE("counted once, then carved from one block without growing") {
    Workspace workspace{Device{}};
    const auto pass = [&](std::int64_t n) {
      const Workspace::Scope all(workspace);
      workspace.allocate({n, 100}, DType::kF32);
      for (int i = 0; i < 3; ++i) {
        const Workspace::Scope scope(workspace);
        workspace.allocate({n, 1000}, DType::kF64);
      }
    };
    workspace.begin_counting();
    pass(7);
    const std::size_t peak = workspace.end_counting();
    CHECK(peak >= 7 * 100 * 4 + 7 * 1000 * 8);
    CHECK(peak < 7 * 100 * 4 + 2 * 7 * 1000 * 8);
    workspace.reserve(peak);
    const std::size_t reserved = workspace.reserved();
    for (const std::int64_t n : {7, 3, 7, 1}) pass(n);
    CHECK(workspace.growths() == 0);
    CHECK(workspace.reserved() == reserved);
    pass(70);
    CHECK(workspace.growths() > 0);
  }

  TEST_CASE("an absurd tensor is refused, also while counting") {
    Workspace workspace{Device{}};
    CHECK_THROWS_AS(workspace.allocate({std::int64_t{1} << 50}, DType::kF32), Error);
    workspace.begin_counting();
    CHECK_THROWS_AS(workspace.allocate({std::int64_t{1} << 50}, DType::kF32), Error);
    workspace.end_counting();
  }
}

}  // namespace ofer
