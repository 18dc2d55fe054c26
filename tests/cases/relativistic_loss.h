// Cases of relativistic_loss.
#pragma once

#include "tests/support/case.h"

namespace ofer::test {

struct RelativisticLossCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index real_count = 1, fake_count = 1;
  double margin = 1;

  OFER_FORWARD_CASE(relativistic_loss)

  template <class T>
  kernels::RelativisticLossArgs<T> bind(Buffers<T>& b) const {
    return {.real = b.input("real", real_count),
            .fake = b.input("fake", fake_count),
            .loss = b.output("loss", 1),
            .real_count = real_count,
            .fake_count = fake_count,
            .margin = margin};
  }
  double flops() const { return 4.0 * static_cast<double>(real_count + fake_count); }

  // clang-format off
  static std::vector<RelativisticLossCase> list() {
    return {
        {.name = "one each", .seed = 1},
        {.name = "discriminator", .seed = 2, .real_count = 301, .fake_count = 301},
        {.name = "generator", .seed = 3, .real_count = 128, .fake_count = 128, .margin = -1},
        {.name = "several ranges", .seed = 5, .real_count = 70001, .fake_count = 66000},
        {.name = "different lengths", .seed = 4, .real_count = 1000, .fake_count = 37},
    };
  }
  static std::vector<RelativisticLossCase> benchmarks() {
    return {{.name = "16 images", .real_count = 16 * 900, .fake_count = 16 * 900}};
  }
  // clang-format on
};

struct RelativisticLossBackwardCase {
  const char* name = "";
  std::uint64_t seed = 1;
  Index real_count = 1, fake_count = 1;
  double margin = 1;

  OFER_BACKWARD_CASE(relativistic_loss_backward, relativistic_loss)

  kernels::RelativisticLossArgs<double> bind_forward(Buffers<double>& b) const {
    return RelativisticLossCase{
        .real_count = real_count, .fake_count = fake_count, .margin = margin}
        .bind(b);
  }
  template <class T>
  kernels::RelativisticLossBackwardArgs<T> bind(Buffers<T>& b) const {
    return {.dloss = b.input("dloss", 1),
            .real = b.input("real", real_count),
            .fake = b.input("fake", fake_count),
            .dreal = b.output("dreal", real_count),
            .dfake = b.output("dfake", fake_count),
            .real_count = real_count,
            .fake_count = fake_count,
            .margin = margin};
  }
  Index reduction() const { return std::max(real_count, fake_count); }
  double flops() const { return 6.0 * static_cast<double>(real_count + fake_count); }

  // clang-format off
  static std::vector<RelativisticLossBackwardCase> list() {
    return {
        {.name = "one each", .seed = 1},
        {.name = "discriminator", .seed = 2, .real_count = 50, .fake_count = 50},
        {.name = "several ranges", .seed = 4, .real_count = 5001, .fake_count = 2300},
        {.name = "generator, different lengths", .seed = 3, .real_count = 71, .fake_count = 40,
         .margin = -1},
    };
  }
  static std::vector<RelativisticLossBackwardCase> benchmarks() {
    return {{.name = "16 images", .real_count = 16 * 900, .fake_count = 16 * 900}};
  }
  // clang-format on
};

}  // namespace ofer::test
