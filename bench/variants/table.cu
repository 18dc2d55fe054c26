// The lists of variants. A variant's function has the name of its file.
#include "bench/variants/variants.h"
#include "kernels/cuda/device.cuh"

namespace ofer::kernels::OFER_GPU::variants {

#define OFER_VARIANT(function, Args) void function(const Args<float>&, Stream&);
OFER_VARIANT(layer_norm_1_thread_per_row, LayerNormArgs)
OFER_VARIANT(layer_norm_2_block_per_row, LayerNormArgs)
OFER_VARIANT(layer_norm_3_warp_per_row, LayerNormArgs)
OFER_VARIANT(layer_norm_4_row_in_registers, LayerNormArgs)
OFER_VARIANT(attention_1_score_matrix, AttentionArgs)
OFER_VARIANT(attention_2_block_per_query, AttentionArgs)
OFER_VARIANT(attention_3_online_softmax, AttentionArgs)
OFER_VARIANT(conv2d_1_thread_per_output, Conv2dArgs)
OFER_VARIANT(conv2d_2_weights_in_shared, Conv2dArgs)
OFER_VARIANT(conv2d_3_tiled_product, Conv2dArgs)
OFER_VARIANT(conv2d_4_register_tile, Conv2dArgs)
OFER_VARIANT(self_assembly_paper_1_block_per_image, SelfAssemblyPaperArgs)
OFER_VARIANT(self_assembly_paper_2_search_apart, SelfAssemblyPaperArgs)
OFER_VARIANT(self_assembly_paper_3_tiled_search, SelfAssemblyPaperArgs)
#undef OFER_VARIANT

const bench::Variants& all() {
  static const bench::Variants lists = {
      .layer_norm = {{1, "thread per row", layer_norm_1_thread_per_row},
                     {2, "block per row", layer_norm_2_block_per_row},
                     {3, "warp per row", layer_norm_3_warp_per_row},
                     {4, "row in registers", layer_norm_4_row_in_registers}},
      .attention = {{1, "score matrix", attention_1_score_matrix},
                    {2, "block per query", attention_2_block_per_query},
                    {3, "online softmax", attention_3_online_softmax}},
      .conv2d = {{1, "thread per output", conv2d_1_thread_per_output},
                 {2, "weights in shared", conv2d_2_weights_in_shared},
                 {3, "tiled product", conv2d_3_tiled_product},
                 {4, "register tile", conv2d_4_register_tile}},
      .self_assembly_paper = {{1, "block per image", self_assembly_paper_1_block_per_image},
                              {2, "search apart", self_assembly_paper_2_search_apart},
                              {3, "tiled search", self_assembly_paper_3_tiled_search}},
  };
  return lists;
}

}  // namespace ofer::kernels::OFER_GPU::variants
