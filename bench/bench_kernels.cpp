// Times every operation's benchmark cases on one device. Prints a table, or one JSON object. With
// --variants the steps before a production kernel (bench/variants/) come behind it, a row each.
//
// A sample is one call between two marks of the stream, on a GPU with the second-level cache
// emptied before it (kernels run on cold data in a pipeline, too). GFLOP/s and GB/s are from the
// case's declared operations and compulsory bytes: each input read once, each output written once.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "bench/program.h"
#include "bench/timing.h"
#include "bench/variants/variants.h"
#include "engine/error.h"
#include "kernels/cpu/matmul_bf16.h"
#include "tests/cases/all.h"
#include "tests/support/cuda_backend.h"
#include "tests/support/simt_backend.h"

namespace ofer::bench {

namespace {

using Json = nlohmann::ordered_json;

// More than any GPU's second-level cache.
constexpr kernels::Index kFlushBytes = kernels::Index{256} << 20;

struct Options {
  std::string device = "cpu", precision = "fp32", filter;
  int threads = 0, samples = 20;
  double seconds = 0.3;
  bool json = false, list = false, variants = false;
  bool is(const char* wanted) const { return precision == wanted; }
};

struct Row {
  std::string operation, name;
  double median_ms, p5_ms, p95_ms, gflop, megabytes;
  std::size_t samples;
};

test::Backend backend_for(const Options& options) {
  const std::string& device = options.device;
  if (device == "cpu") {
    require(!options.is("tf32"), ErrorCode::kUnsupported, "--precision tf32 is for a GPU");
    const char* missing = options.is("bf16") ? kernels::cpu::bf16_missing() : nullptr;
    require(missing == nullptr, ErrorCode::kUnsupported,
            "--precision bf16: ", missing ? missing : "");
    test::Backend backend = test::cpu_backends().back();
    backend.dirty_scratch = nullptr;
    return backend;
  }
#if defined(OFER_HAVE_SIMT)
  if (device == "simt") return test::simt_backend(1);
#endif
#if defined(OFER_HAVE_CUDA)
  if (device == "cuda") {
    const std::string missing = test::missing_gpu();
    require(missing.empty(), ErrorCode::kUnsupported, missing);
    return test::cuda_backend(options.is("tf32"));
  }
#endif
  fail(ErrorCode::kUnsupported, "this build has no device ", device);
}

// Overwrites a large piece of device memory.
class CacheFlush {
 public:
  explicit CacheFlush(const test::Backend& backend) : memory_(*backend.memory) {
    if (backend.name == "cuda") data_ = static_cast<float*>(memory_.allocate(kFlushBytes));
    fill_ = backend.f32->fill;
  }
  ~CacheFlush() {
    if (data_) memory_.release(data_);
  }
  CacheFlush(const CacheFlush&) = delete;
  CacheFlush& operator=(const CacheFlush&) = delete;
  void operator()(kernels::Stream& stream) const {
    if (data_) fill_({data_, kFlushBytes / static_cast<kernels::Index>(sizeof(float)), 0}, stream);
  }

 private:
  test::Memory& memory_;
  float* data_ = nullptr;
  void (*fill_)(const kernels::FillArgs<float>&, kernels::Stream&);
};

// What a backward case is given by its forward call: on the CPU, in double. Nothing for a forward
// case.
template <class Case>
test::Values given_to(const Case& test) {
  if constexpr (requires(test::Buffers<double>& b) { test.bind_forward(b); }) {
    kernels::cpu::CpuStream cpu(static_cast<int>(std::thread::hardware_concurrency()));
    test::Buffers<double> buffers(test.seed);
    const auto forward = Case::forward_entry(*test::cpu_backends().back().f64);
    forward(test.bind_forward(buffers), cpu);
    return buffers.values();
  }
  return {};
}

template <class T, class Case>
void time_case(const Case& test, const std::string& name, const test::Backend& backend,
               kernels::Stream& stream, const CacheFlush& flush, const Options& options,
               std::vector<Row>& rows) {
  const test::Values given = given_to(test);
  test::Buffers<T> buffers(test.seed, *backend.memory, &given);
  const auto args = test.bind(buffers);
  const auto entry = Case::entry(*backend.table<T>());
  require(entry != nullptr, ErrorCode::kUnsupported, "unsupported: ", Case::kOperation, " on ",
          backend.name);
  std::vector<double> times;
  double total = 0;
  for (int i = 0; i < 2; ++i) entry(args, stream);
  while (static_cast<int>(times.size()) < options.samples || total < 1e3 * options.seconds) {
    flush(stream);
    stream.mark(0);
    entry(args, stream);
    stream.mark(1);
    times.push_back(stream.milliseconds(0, 1));
    total += times.back();
    if (times.size() >= 10000) break;
  }
  const std::vector<double> sorted = in_order(times);
  rows.push_back({Case::kOperation, name, quantile(sorted, 0.5), quantile(sorted, 0.05),
                  quantile(sorted, 0.95), test.flops() / 1e9, buffers.compulsory_bytes() / 1e6,
                  sorted.size()});
}

std::vector<Row> time_all(const Options& options) {
  const test::Backend backend = backend_for(options);
  const auto stream = backend.make_stream(options.threads > 0 ? options.threads : 1);
  // A CPU's bf16 is floats whose products round their operands; a GPU's is elements of two bytes.
  const bool narrow = options.is("bf16") && backend.bf16 != nullptr;
  stream->set_bf16(options.is("bf16") && !narrow);
  const CacheFlush flush(backend);
  std::vector<Row> rows;
  const auto time_on = [&](const auto& test, const std::string& name, const test::Backend& on) {
    const std::string full = std::string(test.kOperation) + ": " + name;
    if (full.find(options.filter) == std::string::npos) return;
    if (options.list)
      std::printf("%s\n", full.c_str());
    else if (narrow)
      time_case<kernels::BFloat16>(test, name, on, *stream, flush, options, rows);
    else
      time_case<float>(test, name, on, *stream, flush, options, rows);
  };
  const auto visit = [&]<class Case>() {
    for (const Case& test : Case::benchmarks()) {
      time_on(test, test.name, backend);
      if (!options.variants) continue;
      for_each_variant(variants(options.device), Case::kOperation, *backend.f32,
                       [&](const std::string& label, const kernels::Table<float>& table) {
                         test::Backend varied = backend;
                         varied.f32 = &table;
                         time_on(test, std::string(test.name) + " [" + label + "]", varied);
                       });
    }
  };
  test::CaseTypes<test::ForwardCases>::for_each(visit);
  test::CaseTypes<test::BackwardCases>::for_each(visit);
  return rows;
}

void print_table(const std::vector<Row>& rows) {
  int width = 34;
  for (const Row& row : rows) width = std::max(width, static_cast<int>(row.name.size()));
  std::printf("%-30s %-*s %10s %8s %9s %8s\n", "operation", width, "case", "median ms", "p95 ms",
              "GFLOP/s", "GB/s");
  for (const Row& row : rows)
    std::printf("%-30s %-*s %10.4f %8.4f %9.1f %8.1f\n", row.operation.c_str(), width,
                row.name.c_str(), row.median_ms, row.p95_ms, row.gflop / row.median_ms * 1e3,
                row.megabytes / row.median_ms);
}

void print_json(const Options& options, const std::vector<Row>& rows) {
  Json result = {
      {"device", options.device}, {"precision", options.precision}, {"cases", Json::array()}};
  for (const Row& row : rows)
    result["cases"].push_back({{"operation", row.operation},
                               {"case", row.name},
                               {"median_ms", row.median_ms},
                               {"p5_ms", row.p5_ms},
                               {"p95_ms", row.p95_ms},
                               {"samples", row.samples},
                               {"gflop", row.gflop},
                               {"megabytes", row.megabytes}});
  std::cout << result.dump(1) << '\n';
}

int run(int argc, char** argv) {
  CLI::App app("Times every operation's benchmark cases on one device.");
  Options options;
  app.add_option("--device", options.device, "cpu, simt or cuda")
      ->check(CLI::IsMember({"cpu", "simt", "cuda"}));
  app.add_option("--precision", options.precision,
                 "fp32, tf32 (a GPU's) or bf16 (a GPU's elements; a CPU's operands of products)")
      ->check(CLI::IsMember({"fp32", "tf32", "bf16"}));
  app.add_option("--threads", options.threads, "host threads (1)")->check(CLI::PositiveNumber);
  app.add_option("--filter", options.filter, "only cases whose \"operation: case\" contains this");
  app.add_option("--samples", options.samples, "least number of samples")
      ->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds, "least time for a case");
  app.add_flag("--variants", options.variants,
               "also the numbered variants of bench/variants/; for cuda and simt, in fp32");
  app.add_flag("--json", options.json, "print JSON");
  app.add_flag("--list", options.list, "print the names of the cases and end");
  CLI11_PARSE(app, argc, argv);
  require(!options.variants || (options.device != "cpu" && options.is("fp32")),
          ErrorCode::kUnsupported, "--variants are for --device cuda or simt and --precision fp32");
  const std::vector<Row> rows = time_all(options);
  if (options.list) return 0;
  require(!rows.empty(), ErrorCode::kBadArgument, "no case contains \"", options.filter, '"');
  if (options.json)
    print_json(options, rows);
  else
    print_table(rows);
  return 0;
}

}  // namespace

}  // namespace ofer::bench

int main(int argc, char** argv) {
  return ofer::bench::run_program("ofer_bench_kernels",
                                  [&] { return ofer::bench::run(argc, argv); });
}
