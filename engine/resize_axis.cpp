#include "engine/resize_axis.h"

#include <vector>

#include "engine/backend.h"
#include "engine/resize_filter.h"

namespace ofer {

namespace {

template <class T>
void fill(std::int64_t in, std::int64_t out, bool nearest, std::int32_t* first,
          std::int32_t* count, T* weight) {
  if (!nearest) {
    fill_resize_filter(static_cast<int>(in), static_cast<int>(out), first, count, weight);
    return;
  }
  for (std::int64_t i = 0; i < out; ++i) {
    first[i] = static_cast<std::int32_t>(i * in / out);
    count[i] = 1;
    weight[i] = 1;
  }
}

}  // namespace

const ResizeAxis& ResizeAxes::get(std::int64_t in, std::int64_t out, bool nearest,
                                  kernels::Stream& stream) {
  Kept& kept = axes_[{in, out, nearest}];
  if (kept.axis.taps > 0) return kept.axis;
  const std::int64_t taps =
      nearest ? 1 : resize_taps(static_cast<int>(in), static_cast<int>(out));
  // One piece of memory: weights, then first, then count.
  const std::size_t weights = static_cast<std::size_t>(out * taps) * size_of(dtype_);
  const std::size_t positions = static_cast<std::size_t>(out) * sizeof(std::int32_t);
  std::vector<char> host(weights + 2 * positions);
  auto* first = reinterpret_cast<std::int32_t*>(host.data() + weights);
  if (dtype_ == DType::kF64)
    fill(in, out, nearest, first, first + out, reinterpret_cast<double*>(host.data()));
  else
    fill(in, out, nearest, first, first + out, reinterpret_cast<float*>(host.data()));
  Buffer memory(host.size(), device_);
  on_device([&] { backend_.to_device(memory.data(), host.data(), host.size(), stream); });
  char* data = static_cast<char*>(memory.data());
  kept.axis = {Tensor(data + weights, {out}, DType::kI32, device_),
               Tensor(data + weights + positions, {out}, DType::kI32, device_),
               Tensor(data, {out, taps}, dtype_, device_), taps};
  kept.memory = std::move(memory);
  return kept.axis;
}

}  // namespace ofer
