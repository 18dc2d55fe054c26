// Self-assembly, variant 2: the search in a kernel of its own, all positions side by side; the
// recurrence, which cannot be, behind it.
//
// Against variant 1, for 512 channels of 32 x 32 with half of the positions masked:
// - The best match does not depend on what is generated, so a block for each of 1,024 positions
//   searches (or copies, where nothing is masked): 512 searches on 132 multiprocessors at once
//   where they came one after the other. It is nearly all of the work: 0.27 G multiply-adds beside
//   the recurrence's 512 x 512 x 5 = 1.3 M.
// - What is left in sequence is 512 steps of two walks through 512 channels and one sum.
// What remains:
// - Each search reads all known vectors, 1 MB, for itself alone: 0.5 GB through the caches, one
//   multiply-add for two bytes, where the data are 2 MB.
// - A step of the recurrence reads 11 numbers a channel for its sums (x, nine of f, y) and 11 again
//   for its result, each from a sector of its own, 32 bytes for four.
#include "bench/variants/self_assembly_paper_parts.cuh"

namespace ofer::kernels::OFER_GPU::variants {

namespace {

// Block: one position of one image. score, match [images, positions], of masked positions.
__global__ void __launch_bounds__(kAssemblyThreads)
    search_kernel(Global<const float> x, Global<const float> hole, Global<float> y,
                  Global<std::int32_t> best, Global<float> weights, Global<float> score,
                  Global<std::int32_t> match, AssemblyShape shape) {
  const Index image = blockIdx.x / shape.positions;
  const int position = static_cast<int>(blockIdx.x % shape.positions);
  const AssemblyMaps maps(x, x, y, best, weights, image, shape);
  const Global<const float> mask = hole + image * shape.positions;
  if (mask[position] == 0) return keep_position(maps, position, shape);
  const Match found = best_match(maps.x, mask, position, shape);
  if (threadIdx.x > 0) return;
  score[image * shape.positions + position] = found.score;
  match[image * shape.positions + position] = found.position;
}

// Block: one image.
__global__ void __launch_bounds__(kAssemblyThreads)
    recurrence_kernel(Global<const float> x, Global<const float> f, Global<const float> hole,
                      Global<float> y, Global<std::int32_t> best, Global<float> weights,
                      Global<const float> score, Global<const std::int32_t> match,
                      AssemblyShape shape) {
  const AssemblyMaps maps(x, f, y, best, weights, blockIdx.x, shape);
  const Index first = blockIdx.x * shape.positions;
  int previous = -1;
  for (int i = 0; i < shape.positions; ++i) {
    if (hole[first + i] == 0) continue;
    assemble_position(maps, i, {score[first + i], match[first + i]}, previous, shape);
    previous = i;
  }
}

}  // namespace

void self_assembly_paper_2_search_apart(const SelfAssemblyPaperArgs<float>& args, Stream& stream) {
  const AssemblyShape shape(args.channels, args.height, args.width);
  const Index places = args.batch * shape.positions;
  if (places == 0) return;
  float* score = gpu_stream(stream).scratch<float>(0, places);
  std::int32_t* match = gpu_stream(stream).scratch<std::int32_t>(1, places);
  launch("self_assembly_paper variant 2 search", search_kernel, {grid_of(places), kAssemblyThreads},
         stream, args.x, args.hole, args.y, args.best, args.weights, score, match, shape);
  launch("self_assembly_paper variant 2 recurrence", recurrence_kernel,
         {grid_of(args.batch), kAssemblyThreads}, stream, args.x, args.f, args.hole, args.y,
         args.best, args.weights, score, match, shape);
}

}  // namespace ofer::kernels::OFER_GPU::variants
