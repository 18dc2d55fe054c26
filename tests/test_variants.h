// Every variant of bench/variants/ against the double oracle: over its operation's case list, held
// to what the production kernel is held to.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <tuple>
#include <vector>

#include "bench/variants/variants.h"
#include "tests/cases/attention.h"
#include "tests/cases/conv2d.h"
#include "tests/cases/layer_norm.h"
#include "tests/cases/self_assembly_paper.h"
#include "tests/support/check_determinism.h"
#include "tests/support/check_forward.h"

namespace ofer::test {

using VariedCases = std::tuple<LayerNormCase, AttentionCase, Conv2dCase, SelfAssemblyPaperCase>;

// Calls use(backend) for each variant of the case's operation: the backend is `production` with
// that variant in its table.
template <class Case, class Use>
void for_each_variant_backend(const std::string& device, const Backend& production, Use use) {
  bench::for_each_variant(bench::variants(device), Case::kOperation, *production.f32,
                          [&](const std::string& label, const kernels::Table<float>& table) {
                            Backend backend = production;
                            backend.name += ", " + label;
                            backend.f32 = &table;
                            backend.bf16 = nullptr;
                            use(backend);
                          });
}

template <class Case>
void check_variants(const std::string& device, const Backend& production, int threads) {
  int variants = 0;
  for_each_variant_backend<Case>(device, production, [&](const Backend& backend) {
    ++variants;
    for (const Case& test : Case::list()) check_forward({backend}, test, threads);
  });
  CHECK_MESSAGE(variants >= 3, Case::kOperation, " has ", variants, " variants on ", device);
}

// The rule of every kernel: an image's bits do not depend on the images beside it.
template <class Case>
void check_variant_images(const std::string& device, const Backend& production) {
  for_each_variant_backend<Case>(device, production, [](const Backend& backend) {
    for (const Case& test : image_cases<Case>()) check_images<float>(backend, test);
  });
}

}  // namespace ofer::test
