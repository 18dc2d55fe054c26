// What bench/work/work.h says that an operation has to do, beside what its cases say.
#include "bench/work/work.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "kernels/bf16.h"
#include "tests/cases/all.h"
#include "tests/support/unreadable_memory.h"

namespace ofer::test {
namespace {

// Index lists that a forward call would have given a backward case: of their length.
Values indices(const char* name, Index count) {
  Values values;
  values.indices[name].resize(static_cast<std::size_t>(count));
  return values;
}
Values given_to(const auto&) {
  return {};
}
Values given_to(const Pool2dBackwardCase& test) {
  return indices("argmax", test.shape.out_size());
}
Values given_to(const ReduceBackwardCase& test) {
  return indices("argument", test.outer * test.inner);
}
Values given_to(const SelfAssemblyPaperBackwardCase& test) {
  return indices("best", test.input.batch * test.input.positions());
}
Values given_to(const SelfAssemblyReleasedBackwardCase& test) {
  return indices("best", test.input.batch * test.input.positions());
}

// The most pairs that any hole gives.
double most_flops(const AssemblyInput& input, bool all_positions) {
  const Index all = input.positions();
  Index pairs = 0;
  for (Index masked = 0; masked <= all; ++masked) pairs = std::max(pairs, masked * (all - masked));
  if (all_positions) pairs += all * all;
  return 2 * static_cast<double>(input.batch * input.channels * pairs);
}

// What work() can know of a case's flops: all, but for what depends on numbers on the device.
double known_flops(const auto& test) {
  return test.flops();
}
double known_flops(const AttentionCase& test) {
  AttentionCase whole = test;
  whole.used.clear();
  return whole.flops();
}
double known_flops(const SelfAssemblyPaperCase& test) {
  return most_flops(test.input, false);
}
double known_flops(const SelfAssemblyReleasedCase& test) {
  return most_flops(test.input, true);
}

// Bytes that a case's buffers have, or that are counted twice, and that the call need not move.
// size: of an element.
double spare_bytes(const auto&, double) {
  return 0;
}
// In front of a bias that is not aligned.
double spare_bytes(const LinearCase& test, double size) {
  return size * static_cast<double>(test.bias ? test.bias_at : 0);
}
// Running statistics are bound to be written, and only read without training.
double spare_bytes(const BatchNormCase& test, double size) {
  return test.training ? 0 : size * static_cast<double>(2 * test.channels);
}
// A velocity that a step without momentum leaves alone.
double spare_bytes(const SgdCase& test, double size) {
  return test.velocity && test.momentum == 0 ? size * static_cast<double>(2 * test.count) : 0;
}
// Between the elements that are copied, and around them.
double spare_bytes(const CopyCase& test, double size) {
  Index read = 1;
  for (std::size_t axis = 0; axis < test.shape.size(); ++axis)
    if (test.x_strides[axis] != 0) read *= test.shape[axis];
  const Index left = test.x_size - read + (test.accumulate ? 2 : 1) * (test.y_size - test.count());
  return size * static_cast<double>(left);
}
// Rows of which there are more than are taken.
double spare_bytes(const GatherRowsCase& test, double size) {
  return size * static_cast<double>(std::max<Index>(0, test.x_rows - test.rows) * test.width);
}
// Between rows, and channels beyond the third.
double spare_bytes(const ImagePlanesCase& test, double) {
  const Index planes = test.channels > 0 ? 1 : -test.channels;
  const Index read = (test.channels == 1 ? 1 : 3) * test.height * test.width * test.value_size();
  return static_cast<double>(planes * test.plane_size() - read);
}

bool same(double a, double b) {
  return std::fabs(a - b) <= 1e-9 * std::max(std::fabs(a), std::fabs(b));
}

template <class T, class Case>
void check_work(const Case& test) {
  UnreadableMemory memory;
  const Values given = given_to(test);
  Buffers<T> buffers(test.seed, memory, &given);
  const bench::Work work = bench::work_of(Case::kOperation, test.bind(buffers));
  const double flops = known_flops(test);
  const double bytes = buffers.compulsory_bytes() - spare_bytes(test, sizeof(T));
  CHECK_MESSAGE(same(work.flops, flops), Case::kOperation, ": ", test.name, ": ", work.flops,
                " flops, not ", flops);
  CHECK_MESSAGE(work.flops >= test.flops(), Case::kOperation, ": ", test.name);
  CHECK_MESSAGE(same(work.bytes, bytes), Case::kOperation, ": ", test.name, ": ", work.bytes,
                " bytes, not ", bytes);
}

template <class Use>
void for_every_case_type(Use use) {
  CaseTypes<ForwardCases>::for_each(use);
  CaseTypes<BackwardCases>::for_each(use);
}

}  // namespace

TEST_SUITE("work") {
  TEST_CASE("the work of every case") {
    for_every_case_type([]<class Case>() {
      for (const Case& test : Case::list()) {
        check_work<float>(test);
        check_work<kernels::BFloat16>(test);  // statistics and indices are wider than an element
      }
    });
  }

  TEST_CASE("the work of every benchmark") {
    for_every_case_type([]<class Case>() {
      for (const Case& test : Case::benchmarks()) check_work<float>(test);
    });
  }

  TEST_CASE("a convolution's work is not its transpose's") {
    kernels::Conv2dArgs<float> args{};
    args.geometry = {.batch = 2,
                     .in_channels = 3,
                     .in_height = 8,
                     .in_width = 6,
                     .out_channels = 5,
                     .out_height = 4,
                     .out_width = 3,
                     .kernel_h = 2,
                     .kernel_w = 2,
                     .stride_h = 2,
                     .stride_w = 2,
                     .pad_h = 0,
                     .pad_w = 0,
                     .dilation_h = 1,
                     .dilation_w = 1};
    CHECK(bench::work_of("conv2d", args).flops == 2.0 * 2 * 12 * 3 * 5 * 4);
    CHECK(bench::work_of("conv_transpose2d", args).flops == 2.0 * 2 * 48 * 3 * 5 * 4);
    CHECK(bench::work_of("conv2d", args).bytes == 0);
  }
}

}  // namespace ofer::test
