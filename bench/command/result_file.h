// The results of `ofer bench` as a file: one JSON object. docs/benchmark.md describes it.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace ofer::bench {

// Goes up when a field changes its meaning or leaves.
constexpr int kResultVersion = 1;

// What every result begins with: format, version, kind ("kernels", "pipeline"), date, program,
// commit (from OFER_COMMIT in the environment, else null), machine, and the GPU of that number.
nlohmann::ordered_json result_head(const std::string& kind, std::optional<int> gpu);

// Throws kIo; kBadFile, naming the file, for what is no result, or one of another version.
nlohmann::ordered_json read_result(const std::string& path);

// Whole or not at all. Throws kIo, as on a full disk.
void write_result(const std::string& path, const nlohmann::ordered_json& result);

// A figure of a result: what it is of, and how well it is known.
struct Figure {
  std::string name;  // "attention: encoder, 1 image (cpu fp32, warm)"
  double median_ms = 0, noise = 0;
};

// Every time in a result of either kind, in its order. Throws kBadFile where a field is missing.
std::vector<Figure> figures_of(const nlohmann::ordered_json& result, const std::string& path);

}  // namespace ofer::bench
