// A run over the kernels as a table, as JSON and as comma-separated values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/measure/kernel_run.h"

namespace ofer::bench {

nlohmann::ordered_json kernels_json(const KernelRun& run, const RoundRule& rule);

// For a terminal of so many columns, at least 72. Of kernels_json()'s result, so that files can be
// shown again.
std::string kernels_table(const nlohmann::ordered_json& result, int width);

// One line for each case behind a line of names.
std::string kernels_csv(const nlohmann::ordered_json& result);

// As a field of comma-separated values: quoted where it must be.
std::string csv_field(const std::string& text);

// What a result file says of one figure.
nlohmann::ordered_json timing_json(const Timing& timing);

}  // namespace ofer::bench
