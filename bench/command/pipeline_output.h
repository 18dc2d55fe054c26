// A run over the pipeline as JSON, as a table, as comma-separated values, and as a timeline.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "bench/measure/pipeline_run.h"

namespace ofer::bench {

// One entry of "runs" in a result.
nlohmann::ordered_json pipeline_run_json(const PipelineTimes& times, const Network& network,
                                         const SessionOptions& options, int threads,
                                         const RoundRule& rule);

std::string pipeline_table(const nlohmann::ordered_json& result, int width);
std::string pipeline_csv(const nlohmann::ordered_json& result);

// Adds the stages and kernels of each batch's observed sample to a list of trace events
// (chrome://tracing, Perfetto): a process for each batch, a row for stages and one for kernels.
void add_trace_events(nlohmann::ordered_json& events, const PipelineTimes& times,
                      const std::string& title);

}  // namespace ofer::bench
