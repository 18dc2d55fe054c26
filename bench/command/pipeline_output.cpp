#include "bench/command/pipeline_output.h"

#include <sys/resource.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "bench/command/kernels_output.h"
#include "tools/text_format.h"

namespace ofer::bench {

namespace {

using Json = nlohmann::ordered_json;

constexpr Stage kStages[] = {Stage::kDetect, Stage::kReconstruct, Stage::kRecognise};
// Values of the first face's restored picture in a result.
constexpr std::size_t kShown = 256;

struct Sum {
  int calls = 0;
  double ms = 0, floor_ms = 0, flops = 0, bytes = 0;
  double arithmetic_ms = 0;  // of the floor

  void add(const KernelCall& call) {
    ++calls;
    ms += call.milliseconds;
    floor_ms += call.floor_ms;
    flops += call.work.flops;
    bytes += call.work.bytes;
    if (call.arithmetic) arithmetic_ms += call.floor_ms;
  }
  Json json() const {
    return {{"calls", calls},
            {"ms", ms},
            {"floor_ms", floor_ms},
            {"floor_is", arithmetic_ms > floor_ms / 2 ? "arithmetic" : "bytes"},
            {"gflop", flops * 1e-9},
            {"megabytes", bytes * 1e-6}};
  }
};

Json floors_json(const BatchTimes& times) {
  Json floors = Json::object();
  Sum whole;
  for (const Stage stage : kStages) {
    Sum sum;
    for (const KernelCall& call : times.calls)
      if (call.stage == stage) sum.add(call);
    for (const KernelCall& call : times.calls)
      if (call.stage == stage) whole.add(call);
    floors[name_of(stage)] = sum.json();
  }
  floors["whole"] = whole.json();
  return floors;
}

// By stage and operation, where the most time is lost first.
Json kernels_of(const BatchTimes& times) {
  std::map<std::pair<Stage, std::string>, Sum> sums;
  for (const KernelCall& call : times.calls) sums[{call.stage, call.operation}].add(call);
  std::vector<std::pair<std::pair<Stage, std::string>, Sum>> rows(sums.begin(), sums.end());
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    if (a.first.first != b.first.first) return a.first.first < b.first.first;
    return a.second.ms - a.second.floor_ms > b.second.ms - b.second.floor_ms;
  });
  Json list = Json::array();
  for (const auto& [key, sum] : rows) {
    Json row = {{"stage", name_of(key.first)}, {"operation", key.second}};
    row.update(sum.json());
    list.push_back(row);
  }
  return list;
}

double peak_resident_mib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

Json batch_json(const BatchTimes& times, const RoundRule& rule) {
  Json stages = {{"detect", timing_json(times.detect.timing(rule))},
                 {"reconstruct", timing_json(times.reconstruct.timing(rule))},
                 {"recognise", timing_json(times.recognise.timing(rule))},
                 {"whole", timing_json(times.whole.timing(rule))}};
  const double whole = stages["whole"]["median_ms"].get<double>();
  Json floors = floors_json(times);
  for (auto& [stage, floor] : floors.items())
    floor["explains"] = floor["floor_ms"].get<double>() / stages[stage]["median_ms"].get<double>();
  Json restored = Json::array();
  if (!times.restored.empty())
    for (std::size_t i = 0; i < kShown; ++i)
      restored.push_back(times.restored[i * times.restored.size() / kShown]);
  return {{"batch", times.count},
          {"stages", stages},
          {"images_per_second", 1e3 * static_cast<double>(times.count) / whole},
          {"memory",
           {{"workspace_mib", static_cast<double>(times.workspace_bytes) / (1 << 20)},
            {"peak_resident_mib", peak_resident_mib()}}},
          {"floors", floors},
          {"kernels", kernels_of(times)},
          {"probabilities", times.probabilities},
          {"restored", restored}};
}

std::string title_of(const Json& run) {
  return run["config"].get<std::string>() + ", " + run["device"].get<std::string>() + " " +
         run["precision"].get<std::string>() + (run["deterministic"].get<bool>() ? "" : ", fast") +
         ", " + std::to_string(run["threads"].get<int>()) + " threads";
}

double number(const Json& batch, const char* stage, const char* key) {
  return batch["stages"][stage][key].get<double>();
}

void batch_row(std::ostream& out, const Json& batch) {
  const Json& whole = batch["stages"]["whole"];
  out << format("%5d", batch["batch"].get<int>());
  for (const char* stage : {"detect", "reconstruct", "recognise"})
    out << format(" %11.3f", number(batch, stage, "median_ms"));
  out << format(" %11.3f", whole["median_ms"].get<double>())
      << format(" %5s%c",
                whole["noise"].is_null()
                    ? "?"
                    : format("%.1f", 100 * whole["noise"].get<double>()).c_str(),
                whole["stopped"] == "stable" ? ' ' : '!')
      << format("%8.1f", batch["images_per_second"].get<double>())
      << format(" %6.0f", batch["memory"]["workspace_mib"].get<double>())
      << format(" %5.0f", 100 * batch["floors"]["whole"]["explains"].get<double>()) << '\n';
}

// The largest losses of a batch, a line for each stage.
void gap_rows(std::ostream& out, const Json& batch) {
  for (const Stage stage : kStages)
    for (const Json& row : batch["kernels"]) {
      if (row["stage"] != name_of(stage)) continue;
      out << format("  %-12s %-24s %4d calls %9.3f ms, floor %9.3f ms\n", name_of(stage),
                    row["operation"].get<std::string>().c_str(), row["calls"].get<int>(),
                    row["ms"].get<double>(), row["floor_ms"].get<double>());
      break;
    }
}

const char* why_no_larger(const std::string& stopped) {
  return stopped == "memory" ? "; a larger batch does not fit"
         : stopped == "time" ? "; a larger batch would take longer than --longest"
                             : "";
}

}  // namespace

Json pipeline_run_json(const PipelineTimes& times, const Network& network,
                       const SessionOptions& options, int threads, const RoundRule& rule) {
  Json batches = Json::array();
  for (const BatchTimes& batch : times.batches) batches.push_back(batch_json(batch, rule));
  const char* const stopped[] = {"given", "memory", "time"};
  return {{"config", network.config().name},
          {"device", ofer::name_of(options.device.kind)},
          {"precision", ofer::name_of(options.precision)},
          {"threads", threads},
          {"deterministic", options.deterministic},
          {"largest", stopped[static_cast<int>(times.stopped)]},
          {"batches", batches}};
}

std::string pipeline_table(const Json& result, int /*width*/) {
  std::ostringstream out;
  for (const Json& run : result["runs"]) {
    out << title_of(run) << why_no_larger(run["largest"].get<std::string>()) << '\n'
        << "batch   detect ms  restore ms recognise ms   whole ms   +-%  faces/s    MiB floor%\n";
    for (const Json& batch : run["batches"]) batch_row(out, batch);
    if (!run["batches"].empty()) {
      out << "Furthest from its floor, batch " << run["batches"].back()["batch"].get<int>()
          << ", kernels one by one:\n";
      gap_rows(out, run["batches"].back());
    }
    out << '\n';
  }
  out << "ms: medians; +-%: noise of the whole, ! where the time was over before it was stable;\n"
         "floor%: share of the time that the kernels' floors explain (docs/benchmark.md).";
  return out.str();
}

std::string pipeline_csv(const Json& result) {
  std::string text =
      "config,device,precision,threads,deterministic,batch,stage,median_ms,p5_ms,p95_ms,p99_ms,"
      "noise,samples,stopped,images_per_second,workspace_mib,floor_ms";
  for (const Json& run : result["runs"])
    for (const Json& batch : run["batches"])
      for (const auto& [stage, timing] : batch["stages"].items()) {
        text += '\n' + csv_field(run["config"].get<std::string>()) + ',' +
                run["device"].get<std::string>() + ',' + run["precision"].get<std::string>() + ',' +
                run["threads"].dump() + ',' + run["deterministic"].dump() + ',' +
                batch["batch"].dump() + ',' + stage;
        for (const char* key : {"median_ms", "p5_ms", "p95_ms", "p99_ms", "noise", "samples"})
          text += ',' + (timing[key].is_null() ? "" : timing[key].dump());
        text += ',' + timing["stopped"].get<std::string>() + ',' +
                batch["images_per_second"].dump() + ',' + batch["memory"]["workspace_mib"].dump() +
                ',' + batch["floors"][stage]["floor_ms"].dump();
      }
  return text;
}

void add_trace_events(Json& events, const PipelineTimes& times, const std::string& title) {
  for (const BatchTimes& batch : times.batches) {
    const auto process = static_cast<int>(events.size()) + 1;  // any number of its own
    const auto event = [&](const std::string& name, int row, double begin_ms, double ms,
                           Json arguments) {
      events.push_back({{"name", name},
                        {"ph", "X"},
                        {"pid", process},
                        {"tid", row},
                        {"ts", 1e3 * begin_ms},
                        {"dur", 1e3 * ms},
                        {"args", std::move(arguments)}});
    };
    events.push_back({{"name", "process_name"},
                      {"ph", "M"},
                      {"pid", process},
                      {"args", {{"name", title + ", batch " + std::to_string(batch.count)}}}});
    for (const auto& [row, name] : {std::pair{1, "stages"}, std::pair{2, "kernels"}})
      events.push_back({{"name", "thread_name"},
                        {"ph", "M"},
                        {"pid", process},
                        {"tid", row},
                        {"args", {{"name", name}}}});
    for (const StageSpan& span : batch.spans)
      event(name_of(span.stage), 1, span.begin_ms, span.milliseconds, Json::object());
    for (const KernelCall& call : batch.calls)
      event(call.operation, 2, call.begin_ms, call.milliseconds,
            {{"gflop", call.work.flops * 1e-9},
             {"megabytes", call.work.bytes * 1e-6},
             {"floor_ms", call.floor_ms},
             {"floor_is", call.arithmetic ? "arithmetic" : "bytes"}});
  }
}

}  // namespace ofer::bench
