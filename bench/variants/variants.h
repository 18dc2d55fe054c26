// The road from the naive kernel to the production one, for four operations: numbered variants, one
// idea each, a file each. They are for readers and for the benchmark; nothing in the library calls
// them. Floats only. The last step of every road is the kernel in kernels/cuda/.
#pragma once

#include <string>
#include <vector>

#include "kernels/table.h"

// X(operation, arguments), as in kernels/table.h
#define OFER_VARIED_OPERATIONS(X) \
  X(layer_norm, LayerNormArgs)    \
  X(attention, AttentionArgs)     \
  X(conv2d, Conv2dArgs)           \
  X(self_assembly_paper, SelfAssemblyPaperArgs)

namespace ofer::bench {

// Keeps its operation's contract (kernels/*.h) as the production kernel does.
template <class Args>
struct Variant {
  int number;  // from 1, the naive one
  const char* name;
  void (*run)(const Args&, kernels::Stream&);
};

// By operation, in order of their numbers.
struct Variants {
#define OFER_ROW(operation, Args) std::vector<Variant<kernels::Args<float>>> operation;
  OFER_VARIED_OPERATIONS(OFER_ROW)
#undef OFER_ROW
};

// As compiled for `device`, "cuda" or "simt"; empty lists where the build has no such device.
const Variants& variants(const std::string& device);

// Calls use(label, table) for each variant of `operation`: the table is `production` with that one
// row replaced, and lives as long as the call.
template <class Use>
void for_each_variant(const Variants& all, const std::string& operation,
                      const kernels::Table<float>& production, Use use) {
#define OFER_ROW(row, Args)                                                          \
  if (operation == #row)                                                             \
    for (const Variant<kernels::Args<float>>& variant : all.row) {                   \
      kernels::Table<float> table = production;                                      \
      table.row = variant.run;                                                       \
      use("variant " + std::to_string(variant.number) + ": " + variant.name, table); \
    }
  OFER_VARIED_OPERATIONS(OFER_ROW)
#undef OFER_ROW
}

}  // namespace ofer::bench

// The lists of each compilation (bench/variants/table.cu).
namespace ofer::kernels::cuda::variants {
const bench::Variants& all();
}
namespace ofer::kernels::simt::variants {
const bench::Variants& all();
}
