#include "weights/convert_numbers.h"

#include <cmath>
#include <cstring>
#include <vector>

#include "engine/error.h"
#include "engine/half.h"
#include "kernels/bf16.h"

namespace ofer {
namespace {

template <class To, class Narrow>
void narrow_to(std::span<const double> values, std::span<std::byte> out, Narrow&& narrow) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const To element = narrow(values[i]);
    std::memcpy(out.data() + i * sizeof element, &element, sizeof element);
  }
}

}  // namespace

TensorFill numbers_as(DType dtype, std::string name, NumberReader read) {
  return [dtype, name = std::move(name), read = std::move(read), values = std::vector<double>()](
             std::uint64_t offset, std::span<std::byte> out) mutable {
    values.resize(out.size() / size_of(dtype));
    read(static_cast<std::int64_t>(offset / size_of(dtype)), values);
    const auto held = [&](double value, double as_held) {
      if (!std::isfinite(as_held)) [[unlikely]]
        fail(ErrorCode::kBadFile, name, ": ", value, " is out of ", name_of(dtype),
             "'s range; convert to another type");
    };
    switch (dtype) {
      case DType::kF32:
        return narrow_to<float>(values, out, [&](double value) {
          const auto narrow = static_cast<float>(value);
          held(value, narrow);
          return narrow;
        });
      case DType::kF16:
        return narrow_to<std::uint16_t>(values, out, [&](double value) {
          const std::uint16_t narrow = float_to_f16(static_cast<float>(value));
          held(value, f16_to_float(narrow));
          return narrow;
        });
      case DType::kBF16:
        return narrow_to<kernels::BFloat16>(values, out, [&](double value) {
          const kernels::BFloat16 narrow(static_cast<float>(value));
          held(value, static_cast<float>(narrow));
          return narrow;
        });
      default:
        fail(ErrorCode::kInternal, "numbers as ", name_of(dtype));
    }
  };
}

}  // namespace ofer
