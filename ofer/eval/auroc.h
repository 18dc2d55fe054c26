// Area under the receiver operating characteristic.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "ofer/eval/bootstrap.h"

namespace ofer {

// The chance that a positive sample scores higher than a negative one, a tie counting half
// (Hanley and McNeil 1982: the Wilcoxon-Mann-Whitney statistic):
//   (1 / PN) sum over positives p, negatives n of [s_p > s_n] + [s_p = s_n] / 2
// scores, positive: [samples]; positive is 0 or 1. None unless there are samples of both kinds.
// Infinite scores have their place in the order. Throws kBadArgument for NaN and for different
// sizes. Exact up to one rounding while 2PN < 2^53.
std::optional<double> auroc(std::span<const float> scores, std::span<const std::uint8_t> positive);

// The same on every resample of units. unit: [samples], each in [0, units).
// The samples are sorted once. How often a unit was drawn is the weight of its samples, and
//   AUROC = sum over distinct scores v, upwards, of P_v (N_below + N_v / 2) / PN
// with weights for numbers: one pass over the sorted samples gives several resamples, each as
// exactly as sorting its own samples would. Costs samples x resamples additions.
Replicates resample_auroc(std::span<const float> scores, std::span<const std::uint8_t> positive,
                          std::span<const std::int64_t> unit, std::int64_t units,
                          const BootstrapOptions& options);

}  // namespace ofer
