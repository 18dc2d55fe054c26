#include "tools/inspect_statistics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "tools/tensor_values.h"

namespace ofer {

std::optional<TensorStatistics> statistics_of(const SafetensorsFile& file,
                                              const SafetensorsEntry& entry) {
  if (!entry.dtype) return {};
  TensorStatistics s;
  double mean = 0;  // of pieces weighted by their size: no sum grows with the tensor
  for_values(file.bytes(entry), *entry.dtype, [&](std::int64_t, std::span<const double> values) {
    double sum = 0;
    std::int64_t count = 0;
    for (const double value : values) {
      if (std::isfinite(value)) {
        if (s.finite + count == 0) s.min = s.max = value;
        s.min = std::min(s.min, value);
        s.max = std::max(s.max, value);
        sum += value / kValuesAtOnce;  // finite, also for the largest doubles
        ++count;
      } else {
        ++(std::isnan(value) ? s.nan : s.infinite);
      }
    }
    if (count == 0) return;
    s.finite += count;
    const double here = sum * (static_cast<double>(kValuesAtOnce) / static_cast<double>(count));
    const double share = static_cast<double>(count) / static_cast<double>(s.finite);
    mean = mean * (1 - share) + here * share;
  });
  s.mean = mean;
  return s;
}

std::optional<TensorDifference> difference_of(const SafetensorsFile& a,
                                              const SafetensorsEntry& entry_a,
                                              const SafetensorsFile& b,
                                              const SafetensorsEntry& entry_b) {
  if (!entry_a.dtype || !entry_b.dtype || !(entry_a.shape == entry_b.shape)) return {};
  TensorDifference d;
  double squares = 0, size = 0;
  std::array<double, kValuesAtOnce> others;
  const std::byte* const bytes = b.bytes(entry_b).data();
  for_values(a.bytes(entry_a), *entry_a.dtype,
             [&](std::int64_t first, std::span<const double> values) {
               read_values(bytes + static_cast<std::size_t>(first) * size_of(*entry_b.dtype),
                           *entry_b.dtype, {others.data(), values.size()});
               for (std::size_t i = 0; i < values.size(); ++i) {
                 const double x = values[i], y = others[i];
                 const bool finite = std::isfinite(x) && std::isfinite(y);
                 if (finite) size += x * x;
                 if (x == y || (std::isnan(x) && std::isnan(y))) continue;
                 ++d.different;
                 const double difference =
                     finite ? std::abs(x - y) : std::numeric_limits<double>::infinity();
                 if (finite)
                   squares += difference * difference;
                 else
                   ++d.only_finite;
                 if (d.different > 1 && !(difference > d.largest)) continue;
                 d.largest = difference;
                 d.a = x;
                 d.b = y;
                 d.place = first + static_cast<std::int64_t>(i);
               }
             });
  d.relative_l2 = size > 0 ? std::sqrt(squares / size) : std::sqrt(squares);
  return d;
}

bool same_bytes(const SafetensorsFile& a, const SafetensorsEntry& entry_a, const SafetensorsFile& b,
                const SafetensorsEntry& entry_b) {
  const std::span<const std::byte> x = a.bytes(entry_a), y = b.bytes(entry_b);
  return entry_a.dtype_name == entry_b.dtype_name && entry_a.shape == entry_b.shape &&
         std::equal(x.begin(), x.end(), y.begin(), y.end());
}

}  // namespace ofer
