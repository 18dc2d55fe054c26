#include "engine/resize_axis.h"

#include <cstring>
#include <vector>

#include "engine/backend.h"
#include "engine/convert.h"
#include "engine/resize_filter.h"

namespace ofer {

namespace {

constexpr std::size_t kAlignment = 16;

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
  // One piece of memory: first, then count, then the weights.
  const auto outputs = static_cast<std::size_t>(out), tap_count = static_cast<std::size_t>(taps);
  const std::size_t positions = outputs * sizeof(std::int32_t);
  const std::size_t begin = (2 * positions + kAlignment - 1) / kAlignment * kAlignment;
  std::vector<std::byte> host(begin + outputs * tap_count * size_of(dtype_));
  auto* first = reinterpret_cast<std::int32_t*>(host.data());
  if (dtype_ == DType::kF64) {
    fill(in, out, nearest, first, first + out, reinterpret_cast<double*>(host.data() + begin));
  } else {
    std::vector<float> weights(outputs * tap_count);
    std::vector<std::byte> converted;
    fill(in, out, nearest, first, first + out, weights.data());
    std::memcpy(host.data() + begin, from_floats(weights, dtype_, converted),
                host.size() - begin);
  }
  Buffer memory(host.size(), device_);
  on_device([&] { backend_.to_device(memory.data(), host.data(), host.size(), stream); });
  char* data = static_cast<char*>(memory.data());
  kept.axis = {Tensor(data, {out}, DType::kI32, device_),
               Tensor(data + positions, {out}, DType::kI32, device_),
               Tensor(data + begin, {out, taps}, dtype_, device_), taps};
  kept.memory = std::move(memory);
  return kept.axis;
}

}  // namespace ofer
