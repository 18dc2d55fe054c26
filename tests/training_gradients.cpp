#include "tests/training_gradients.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace ofer::test {

Values values_of(const Tensor& t) {
  Values values(static_cast<std::size_t>(t.elements()));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = t.dtype() == DType::kF64 ? t.data<double>()[i] : double{t.data<float>()[i]};
  return values;
}

Values values_of(const SafetensorsFile& file, const std::string& name) {
  const SafetensorsEntry* entry = file.find(name);
  if (!entry) fail(ErrorCode::kBadFile, file.name(), " has no ", name);
  return values_of(file.tensor(*entry));
}

double norm(const Values& x) {
  double square = 0;
  for (const double v : x) square += v * v;
  return std::sqrt(square);
}

Values difference(const Values& a, const Values& b) {
  OFER_ASSERT(a.size() == b.size());
  Values result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = a[i] - b[i];
  return result;
}

NamedValues gradients_of(const SafetensorsFile& file, const std::string& prefix) {
  NamedValues result;
  for (const SafetensorsEntry& entry : file.entries())
    if (entry.name.starts_with(prefix))
      result[entry.name.substr(prefix.size())] = values_of(file, entry.name);
  return result;
}

double largest_norm(const NamedValues& gradients) {
  double largest = 0;
  for (const auto& [name, g] : gradients) largest = std::max(largest, norm(g));
  return largest;
}

void compare_gradients(const NamedValues& expected, const NamedValues& got, double allowed,
                       std::vector<std::string>& lines) {
  const double largest = largest_norm(expected);
  for (const auto& [name, g] : got)
    if (!expected.count(name)) lines.push_back(name + ": a gradient that the twin has not");
  for (const auto& [name, g] : expected) {
    const auto found = got.find(name);
    if (found == got.end()) {
      lines.push_back(name + ": no gradient");
      continue;
    }
    const double own = norm(g), size = own <= kNegligible * largest ? largest : own;
    const double error = norm(difference(found->second, g)) / size;
    if (!(error <= allowed))
      lines.push_back(message(name, ": gradient off by ", error, ", allowed ", allowed));
  }
}

}  // namespace ofer::test
