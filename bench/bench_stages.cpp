// Times the stages of the method. Prints one JSON object, or, with --serve, answers requests line
// by line, so that another program can take turns between this one and a peer:
//   {"stage": name, "seconds": s, "samples": n, "warm_up": w}
//       ->  {"stage": name, "samples_ms": [], "cpu_ms": []}
//   {"outputs": file}  ->  {"outputs": file}: every stage's results
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/program.h"
#include "bench/stages.h"
#include "bench/timing.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/select.h"
#include "weights/safetensors_writer.h"

namespace ofer::bench {

namespace {

using Json = nlohmann::ordered_json;

#if defined(__clang__)
constexpr const char* kCompiler = "clang " __VERSION__;
#elif defined(__GNUC__)
constexpr const char* kCompiler = "g++ " __VERSION__;
#else
constexpr const char* kCompiler = "unknown";
#endif

Json about(const Bench& bench) {
  return {{"config", bench.config().name},
          {"batch", bench.batch()},
          {"threads", bench.threads()},
          {"precision", name_of(bench.precision())},
          {"matmul", kernels::cpu::matmul_library()},
          {"kernels", kernels::cpu::best_variant()},
          {"compiler", kCompiler}};
}

const Stage& find(const Bench& bench, const std::string& name) {
  for (const Stage& stage : bench.stages())
    if (stage.name == name) return stage;
  fail(ErrorCode::kBadArgument, "no stage ", name);
}

Samples time_stage(const Stage& stage, const StopRule& rule) {
  return measure(rule, [&] { stage.run(nullptr); });
}

Json summary(const Bench& bench, const Stage& stage, const StopRule& rule) {
  const Samples samples = time_stage(stage, rule);
  const std::vector<double> sorted = in_order(samples.wall_ms);
  const double median = quantile(sorted, 0.5);
  return {{"name", stage.name},
          {"median_ms", median},
          {"p5_ms", quantile(sorted, 0.05)},
          {"p95_ms", quantile(sorted, 0.95)},
          {"cpu_ms", quantile(in_order(samples.cpu_ms), 0.5)},
          {"samples", sorted.size()},
          {"gflop", stage.flops / 1e9},
          {"gflop_per_s", stage.flops / 1e6 / median},
          {"threads", bench.threads()},
          {"batch", bench.batch()},
          {"matmul", kernels::cpu::matmul_library()}};
}

void write_outputs(const Bench& bench, const std::string& path) {
  std::vector<std::vector<float>> kept;
  std::vector<TensorSource> sources;
  for (const Stage& stage : bench.stages()) {
    Outputs outputs;
    stage.run(&outputs);
    for (auto& [name, values] : outputs) {
      kept.push_back(std::move(values));
      const Tensor tensor(kept.back().data(), {static_cast<std::int64_t>(kept.back().size())},
                          DType::kF32);
      sources.push_back({stage.name + "/" + name, DType::kF32, tensor.shape(), fill_from(tensor)});
    }
  }
  write_safetensors(path, sources, {});
}

Json answer(const Bench& bench, const Json& request) {
  if (request.contains("outputs")) {
    const auto path = request.at("outputs").get<std::string>();
    write_outputs(bench, path);
    return {{"outputs", path}};
  }
  const auto name = request.at("stage").get<std::string>();
  const StopRule rule = rule_in(request);
  const Samples samples = time_stage(find(bench, name), rule);
  return {{"stage", name}, {"samples_ms", samples.wall_ms}, {"cpu_ms", samples.cpu_ms}};
}

void serve(const Bench& bench) {
  Json ready = about(bench);
  for (const Stage& stage : bench.stages())
    ready["stages"].push_back({{"name", stage.name}, {"gflop", stage.flops / 1e9}});
  std::cout << ready.dump() << std::endl;
  for (std::string line; std::getline(std::cin, line);)
    std::cout << answer(bench, Json::parse(line)).dump() << std::endl;
}

int run(int argc, char** argv) {
  CLI::App app("Times the stages of the method on this machine.");
  std::string weights, inputs, named;
  Precision precision = Precision::kF32;
  std::vector<std::string> wanted;
  int threads = 0;
  bool serving = false;
  StopRule rule;
  rule.spread = 0.01;
  app.add_option("-m,--weights", weights, "weight file");
  app.add_option("-i,--inputs", inputs, "inputs file, made by bench/peers/make_inputs.py");
  app.add_option("--threads", threads, "threads (0: one for each core)");
  app.add_option("--precision", precision, "fp32 (default) or bf16")
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, Precision>{{"fp32", Precision::kF32}, {"bf16", Precision::kBf16}}));
  app.add_option("--stage", wanted, "only these stages");
  app.add_option("--samples", rule.samples, "least number of runs of a stage");
  app.add_option("--seconds", rule.seconds, "least time for a stage");
  app.add_option("--print-config", named, "print a built-in configuration (base, small) and end");
  app.add_flag("--serve", serving, "answer requests from standard input");
  CLI11_PARSE(app, argc, argv);
  if (!named.empty()) {
    std::cout << to_json(builtin_config(named)) << '\n';
    return 0;
  }
  require(!weights.empty() && !inputs.empty(), ErrorCode::kBadArgument,
          "--weights and --inputs are needed");
  const Bench bench(weights, inputs, threads, precision);
  if (serving) {
    serve(bench);
    return 0;
  }
  for (const std::string& name : wanted) find(bench, name);
  Json result = about(bench);
  for (const Stage& stage : bench.stages())
    if (wanted.empty() || std::find(wanted.begin(), wanted.end(), stage.name) != wanted.end())
      result["stages"].push_back(summary(bench, stage, rule));
  std::cout << result.dump(2) << '\n';
  return 0;
}

}  // namespace

}  // namespace ofer::bench

int main(int argc, char** argv) {
  return ofer::bench::run_program("ofer_bench_stages",
                                  [&] { return ofer::bench::run(argc, argv); });
}
