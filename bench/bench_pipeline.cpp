// Times the whole pipeline, from floats in host memory to probabilities in host memory, on any
// device. Prints a table, or one JSON object; bench/peers/torch_pipeline.py answers for PyTorch.
//
// Two passes for each batch size: "detect" finds the covered patches, "analyse" restores and
// recognises behind a given mask (half of each face). Batches larger than the inputs file repeat
// it.
#include <CLI/CLI.hpp>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/program.h"
#include "bench/timing.h"
#include "ofer/pipeline.h"
#include "weights/safetensors.h"

namespace ofer::bench {

namespace {

using Json = nlohmann::ordered_json;

// So many values of the first face's restored picture are printed, for a peer to be held against.
constexpr std::size_t kShown = 256;

// A batch of `count` faces, made of those in the file.
struct Batch {
  std::vector<float> vit, image;
  std::vector<std::uint8_t> mask;
  Inputs inputs;
};

std::vector<float> repeated(const SafetensorsFile& file, const std::string& name,
                            std::int64_t count) {
  const SafetensorsEntry* entry = file.find(name);
  require(entry != nullptr, ErrorCode::kBadFile, file.name(), ": has no tensor ", name);
  const Tensor tensor = file.tensor(*entry);
  const std::int64_t size = tensor.elements() / tensor.size(0);
  std::vector<float> values;
  for (std::int64_t n = 0; n < count; ++n) {
    const float* one = tensor.data<float>() + n % tensor.size(0) * size;
    values.insert(values.end(), one, one + size);
  }
  return values;
}

Batch batch_of(const SafetensorsFile& file, std::int64_t count) {
  Batch batch{repeated(file, "vit_raw", count), repeated(file, "image", count), {}, {}};
  for (const float value : repeated(file, "mask", count)) batch.mask.push_back(value > 0);
  batch.inputs.count = count;
  batch.inputs.vit = batch.vit;
  batch.inputs.restored = batch.image;
  return batch;
}

Json times_of(const Samples& samples, std::int64_t count) {
  const std::vector<double> sorted = in_order(samples.wall_ms);
  const double median = quantile(sorted, 0.5);
  return {{"median_ms", median},
          {"p5_ms", quantile(sorted, 0.05)},
          {"p95_ms", quantile(sorted, 0.95)},
          {"p99_ms", quantile(sorted, 0.99)},
          {"samples", sorted.size()},
          {"images_per_second", 1e3 * static_cast<double>(count) / median}};
}

Json time_batch(Pipeline& pipeline, const SafetensorsFile& file, std::int64_t count,
                const StopRule& rule) {
  Batch batch = batch_of(file, count);
  Request detect, analyse;
  detect.last = Stage::kDetect;
  analyse.mask = MaskSource::kGiven;
  std::vector<float> distances(batch.mask.size()),
      probabilities(static_cast<std::size_t>(count) * pipeline.network().labels().size());
  Outputs found, recognised;
  found.distance = distances;
  recognised.probabilities = probabilities;
  Json result = {{"batch", count}};
  result["detect"] =
      times_of(measure(rule, [&] { pipeline.run(batch.inputs, detect, found); }), count);
  batch.inputs.mask = batch.mask;
  result["analyse"] =
      times_of(measure(rule, [&] { pipeline.run(batch.inputs, analyse, recognised); }), count);
  const StageTimes& last = pipeline.times();
  result["analyse"]["last_pass_ms"] = {
      {"reconstruct", last.reconstruct}, {"recognise", last.recognise}, {"total", last.total}};
  result["workspace_mib"] =
      static_cast<double>(pipeline.workspace_bytes(count, analyse)) / (1 << 20);
  analyse.restored = true;
  const Result first = pipeline.run(batch.inputs, analyse)[0];
  result["probabilities"] = first.probabilities;
  for (std::size_t i = 0; i < kShown; ++i)
    result["restored"].push_back(first.restored.values[i * first.restored.values.size() / kShown]);
  return result;
}

void print_table(const Json& result) {
  std::printf("%5s %11s %11s %11s %11s %9s\n", "batch", "detect ms", "analyse ms", "analyse p95",
              "faces/s", "MiB");
  for (const Json& row : result["batches"])
    std::printf("%5d %11.3f %11.3f %11.3f %11.1f %9.1f\n", row["batch"].get<int>(),
                row["detect"]["median_ms"].get<double>(), row["analyse"]["median_ms"].get<double>(),
                row["analyse"]["p95_ms"].get<double>(),
                row["analyse"]["images_per_second"].get<double>(),
                row["workspace_mib"].get<double>());
}

int run(int argc, char** argv) {
  CLI::App app("Times the whole pipeline on one device.");
  std::string weights, inputs;
  SessionOptions options;
  std::vector<std::int64_t> batches = {1, 4, 16};
  bool fast = false, json = false;
  StopRule rule;
  rule.warm_up = 3;
  app.add_option("-m,--weights", weights, "weight file")->required();
  app.add_option("-i,--inputs", inputs, "inputs file, made by bench/peers/make_inputs.py")
      ->required();
  app.add_option("--device", options.device.kind, "cpu, simt or cuda")
      ->transform(CLI::CheckedTransformer(std::map<std::string, DeviceKind>{
          {"cpu", DeviceKind::kCpu}, {"simt", DeviceKind::kSimt}, {"cuda", DeviceKind::kCuda}}));
  app.add_option("--precision", options.precision, "fp32 (default), tf32 or bf16")
      ->transform(CLI::CheckedTransformer(std::map<std::string, Precision>{
          {"fp32", Precision::kF32}, {"tf32", Precision::kTf32}, {"bf16", Precision::kBf16}}));
  app.add_option("--threads", options.threads, "host threads (0: one for each core)");
  app.add_option("--batch", batches, "batch sizes, for example 1,4,16")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  app.add_flag("--fast", fast, "bits may depend on the batch (SessionOptions::deterministic)");
  app.add_option("--samples", rule.samples, "least number of runs");
  app.add_option("--seconds", rule.seconds, "least time");
  app.add_flag("--json", json, "print JSON");
  CLI11_PARSE(app, argc, argv);
  options.deterministic = !fast;
  const SafetensorsFile file = SafetensorsFile::open(inputs);
  const auto network = Network::load(weights, options.precision, {}, options.device);
  Pipeline pipeline(network, options);
  Json result = {{"config", network->config().name},
                 {"device", name_of(options.device.kind)},
                 {"precision", name_of(options.precision)},
                 {"deterministic", options.deterministic}};
  for (const std::int64_t count : batches)
    result["batches"].push_back(time_batch(pipeline, file, count, rule));
  if (json)
    std::cout << result.dump(1) << '\n';
  else
    print_table(result);
  return 0;
}

}  // namespace

}  // namespace ofer::bench

int main(int argc, char** argv) {
  return ofer::bench::run_program("ofer_bench_pipeline",
                                  [&] { return ofer::bench::run(argc, argv); });
}
