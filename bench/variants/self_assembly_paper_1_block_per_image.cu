// Self-assembly, variant 1: one block for an image does everything, one position after the other,
// as the definition reads.
//
// The layer: 512 channels of 32 x 32; with half of the 1,024 positions masked, 512 steps.
// - A step searches 512 known positions of 512 channels: 0.26 M products and as many squares, 1 MB
//   of x from the second-level cache. 512 steps are 0.27 G multiply-adds and 0.5 GB.
// - All of that passes through one of 132 multiprocessors for each image, one after the other: four
//   images use 3 % of the device.
// - Only y of the position before is new from step to step. The search waits for it without need,
//   and the lengths |x_j|, half of the arithmetic, are the same each time.
// - A known position is copied channel by channel, 4,096 bytes apart: 32 bytes moved for four.
#include "bench/variants/self_assembly_paper_parts.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

// Block: one image.
__global__ void __launch_bounds__(kAssemblyThreads)
    assembly_kernel(Global<const float> x, Global<const float> f, Global<const float> hole,
                    Global<float> y, Global<std::int32_t> best, Global<float> weights,
                    AssemblyShape shape) {
  const AssemblyMaps maps(x, f, y, best, weights, blockIdx.x, shape);
  const Global<const float> mask = hole + blockIdx.x * shape.positions;
  int previous = -1;
  for (int i = 0; i < shape.positions; ++i) {
    if (mask[i] == 0) {
      keep_position(maps, i, shape);
      continue;
    }
    const Match match = best_match(maps.x, mask, i, shape);
    assemble_position(maps, i, match, previous, shape);
    previous = i;
  }
}

}  // namespace

void self_assembly_paper_1_block_per_image(const SelfAssemblyPaperArgs<float>& args,
                                           Stream& stream) {
  const AssemblyShape shape(args.channels, args.height, args.width);
  launch("self_assembly_paper variant 1", assembly_kernel, {grid_of(args.batch), kAssemblyThreads},
         stream, args.x, args.f, args.hole, args.y, args.best, args.weights, shape);
}

}  // namespace ofer::kernels::OFER_GPU::variants
