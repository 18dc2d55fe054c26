// Gradients by central differences of the oracle.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "tests/support/buffers.h"
#include "tests/support/case.h"
#include "tests/support/random.h"

namespace ofer::test {

// Derivatives of L = sum over the outputs o of <upstream d o, o> at some elements of one input.
struct SampledGradient {
  std::vector<Index> element;
  std::vector<double> derivative;
};

// Up to this many elements of an input are perturbed, all of them where it has no more.
constexpr Index kSamples = 96;
// Step, as a share of the input's spread: truncation (its square) and rounding (1e-16 over it)
// stay well below the 1e-6 that gradients are held to.
constexpr double kStep = 3e-5;

inline double spread_of(const std::vector<double>& values) {
  if (values.empty()) return 1;
  double mean = 0, square = 0;
  for (double v : values) mean += v / static_cast<double>(values.size());
  for (double v : values) square += (v - mean) * (v - mean) / static_cast<double>(values.size());
  const double spread = std::sqrt(square);
  return spread > 1e-3 * std::fabs(mean) ? spread : std::max(std::fabs(mean), 1.0);
}

// `forward` are the arguments bound to `buffers`, evaluated once already; `upstream` holds d o for
// output o under the name "d" + o. The input `name` is put back as it was.
template <class Case, class Args>
SampledGradient finite_difference(const Args& forward, Buffers<double>& buffers,
                                  const Values& upstream, const std::string& name,
                                  std::uint64_t seed) {
  auto& input = *buffers.find(name);
  const std::vector<double> original = buffers.read(input);
  double* values = static_cast<double*>(input.memory->data());
  const double step = kStep * spread_of(original);

  std::vector<Index> elements(static_cast<std::size_t>(input.count));
  for (Index i = 0; i < input.count; ++i) elements[static_cast<std::size_t>(i)] = i;
  Random random(seed_of(name, seed));
  for (Index i = 0; i < std::min(kSamples, input.count); ++i)
    std::swap(elements[static_cast<std::size_t>(i)],
              elements[static_cast<std::size_t>(i + random.below(input.count - i))]);
  elements.resize(static_cast<std::size_t>(std::min(kSamples, input.count)));

  struct Output {
    const double* value;
    const std::vector<double>* weight;
  };
  std::vector<Output> outputs;
  for (auto& entry : buffers.entries())
    if (entry->role == Role::kOutput && !entry->exact() && upstream.reals.count("d" + entry->name))
      outputs.push_back({static_cast<const double*>(entry->memory->data()),
                         &upstream.reals.at("d" + entry->name)});
  std::vector<std::vector<double>> above(outputs.size());

  SampledGradient result;
  for (const Index i : elements) {
    const double at = original[static_cast<std::size_t>(i)];
    values[i] = at + step;
    Case::differentiated(forward);
    for (std::size_t o = 0; o < outputs.size(); ++o)
      above[o].assign(outputs[o].value, outputs[o].value + outputs[o].weight->size());
    const double high = values[i];
    values[i] = at - step;
    Case::differentiated(forward);
    const double distance = high - values[i];
    values[i] = at;
    // The difference before the weighted sum: elements that did not move add no rounding.
    double sum = 0;
    for (std::size_t o = 0; o < outputs.size(); ++o)
      for (std::size_t k = 0; k < above[o].size(); ++k)
        sum += (*outputs[o].weight)[k] * (above[o][k] - outputs[o].value[k]);
    result.element.push_back(i);
    result.derivative.push_back(sum / distance);
  }
  return result;
}

}  // namespace ofer::test
