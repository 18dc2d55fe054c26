#include "bench/command/kernels_output.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "bench/command/result_file.h"
#include "tools/text_format.h"

namespace ofer::bench {

namespace {

using Json = nlohmann::ordered_json;

// A figure with the roofline's floor beside it: how much of the time the hardware explains.
Json with_floor(const Rounds& rounds, const RoundRule& rule, const KernelRow& row,
                const Roofline& roofline, bool cold) {
  Json json = timing_json(rounds.timing(rule));
  if (roofline.copies.empty()) return json;
  const Roofline::Floor floor = roofline.floor(row.test.flops, row.bytes, cold);
  json["floor_ms"] = floor.ms;
  json["floor_is"] = floor.arithmetic ? "arithmetic" : "bytes";
  json["of_roofline"] = floor.ms / json["median_ms"].get<double>();
  return json;
}

Json row_json(const KernelRow& row, const KernelRun& run, const RoundRule& rule) {
  const KernelTarget& target = run.targets[row.target];
  const Roofline& roofline = run.rooflines[row.target];
  Json json = {{"device", target.device},
               {"precision", target.precision},
               {"direction", row.test.backward ? "backward" : "forward"},
               {"operation", row.test.operation},
               {"case", row.test.name},
               {"pipeline", row.test.pipeline},
               {"variant", row.test.variant.empty() ? Json() : Json(row.test.variant)},
               {"gflop", row.test.flops * 1e-9},
               {"megabytes", row.bytes * 1e-6}};
  if (!row.tensors.empty()) json["tensors"] = row.tensors;
  json["warm"] = with_floor(row.times.warm, rule, row, roofline, false);
  if (!row.times.cold.empty()) json["cold"] = with_floor(row.times.cold, rule, row, roofline, true);
  if (!row.times.kernel.empty()) {
    json["kernel"] = with_floor(row.times.kernel, rule, row, roofline, false);
    json["launch_us"] =
        1e3 * (json["warm"]["median_ms"].get<double>() - json["kernel"]["median_ms"].get<double>());
  }
  return json;
}

std::string ms_text(double ms) {
  return format(ms < 100 ? "%.4f" : "%.1f", ms);
}

// "1.2", or "?" where the noise is not known.
std::string percent(const Json& share) {
  return share.is_null() ? "?" : format("%.1f", 100 * share.get<double>());
}

std::string roof(const Json& timing) {
  if (!timing.contains("of_roofline")) return "";
  return format("%.0f%c", 100 * timing["of_roofline"].get<double>(),
                timing["floor_is"] == "arithmetic" ? 'a' : 'b');
}

// A name in exactly so many columns, the last one a tilde where it was longer.
std::string in_width(const std::string& name, std::size_t width) {
  if (name.size() > width) return name.substr(0, width - 1) + "~";
  return name + std::string(width - name.size(), ' ');
}

// What a row of numbers leaves for the case's name, behind two spaces.
std::size_t name_width(int width, bool cold) {
  return static_cast<std::size_t>(width - (cold ? 61 : 45));
}

std::string target_of(const Json& row) {
  return row["device"].get<std::string>() + " " + row["precision"].get<std::string>();
}

void table_row(std::ostream& out, const Json& row, int width, bool cold) {
  const Json& warm = row["warm"];
  const double ms = warm["median_ms"].get<double>();
  const std::string name = row["variant"].is_null() ? row["case"].get<std::string>()
                                                    : "  " + row["variant"].get<std::string>();
  out << "  " << in_width(name, name_width(width, cold))
      << format(" %10s %5s%c %8.1f %8.1f %6s", ms_text(ms).c_str(), percent(warm["noise"]).c_str(),
                warm["stopped"] == "stable" ? ' ' : '!', row["gflop"].get<double>() / ms * 1e3,
                row["megabytes"].get<double>() / ms, roof(warm).c_str());
  if (row.contains("cold"))
    out << format(" %9s %5s", ms_text(row["cold"]["median_ms"].get<double>()).c_str(),
                  roof(row["cold"]).c_str());
  out << '\n';
}

}  // namespace

Json timing_json(const Timing& timing) {
  return {{"median_ms", timing.median_ms},
          {"p5_ms", timing.p5_ms},
          {"p95_ms", timing.p95_ms},
          {"p99_ms", timing.p99_ms},
          {"noise", std::isfinite(timing.noise) ? Json(timing.noise) : Json()},
          {"samples", timing.samples},
          {"rounds", timing.rounds},
          {"thrown_out", timing.thrown_out},
          {"disturbed", timing.disturbed},
          {"stopped", timing.stable ? "stable" : "time"}};
}

Json kernels_json(const KernelRun& run, const RoundRule& rule) {
  const bool gpu = std::any_of(run.targets.begin(), run.targets.end(),
                               [](const KernelTarget& target) { return target.device == "cuda"; });
  Json result = result_head("kernels", gpu ? std::optional(0) : std::nullopt);
  result["settings"] = {{"seconds", rule.seconds},
                        {"least_rounds", rule.least_rounds},
                        {"stable_at", rule.noise},
                        {"interrupted", run.interrupted}};
  result["targets"] = Json::array();
  for (std::size_t i = 0; i < run.targets.size(); ++i) {
    Json target = {{"device", run.targets[i].device},
                   {"precision", run.targets[i].precision},
                   {"threads", run.targets[i].threads}};
    if (i < run.rooflines.size() && !run.rooflines[i].copies.empty())
      target["roofline"] = roofline_json(run.rooflines[i]);
    result["targets"].push_back(target);
  }
  result["cases"] = Json::array();
  result["failed"] = Json::array();
  for (const KernelRow& row : run.rows) {
    if (!row.wrong.empty())
      result["failed"].push_back({{"device", run.targets[row.target].device},
                                  {"precision", run.targets[row.target].precision},
                                  {"operation", row.test.operation},
                                  {"case", row.test.name},
                                  {"variant", row.test.variant},
                                  {"why", row.wrong}});
    else if (!row.times.warm.empty())
      result["cases"].push_back(row_json(row, run, rule));
  }
  return result;
}

std::string kernels_table(const Json& result, int width) {
  std::ostringstream out;
  width = std::max(width, 72);
  for (const Json& target : result["targets"]) {
    out << target["device"].get<std::string>() << " " << target["precision"].get<std::string>();
    if (target.contains("roofline")) {
      const Json& roofline = target["roofline"];
      out << ": products reach " << format("%.0f", roofline["gflop_per_s"].get<double>())
          << " GFLOP/s, copies "
          << format("%.1f", roofline["copies"].back()["gb_per_s"].get<double>())
          << " GB/s from memory, "
          << format("%.1f", roofline["copies"].front()["gb_per_s"].get<double>()) << " from caches";
    }
    out << '\n';
  }
  bool cold = false;
  for (const Json& row : result["cases"]) cold = cold || row.contains("cold");
  cold = cold && width >= 86;
  std::string target, operation;
  for (const Json& row : result["cases"]) {
    if (target_of(row) != target) {
      target = target_of(row);
      operation.clear();
      out << '\n'
          << in_width(target, name_width(width, cold) + 2)
          << format(" %10s %5s  %8s %8s %6s", "ms", "+-%", "GFLOP/s", "GB/s", "roof%")
          << (cold ? format(" %9s %5s", "cold ms", "roof%") : "") << '\n';
    }
    if (row["operation"] != operation) {
      operation = row["operation"].get<std::string>();
      out << operation << '\n';
    }
    Json shown = row;
    if (!cold) shown.erase("cold");
    table_row(out, shown, width, cold);
  }
  out << "\nms: median; +-%: its noise, ! where the time was over before it was stable;\n"
         "roof%: share of the machine's own speed, a of its arithmetic, b of its\n"
         "bandwidth, whichever is nearer.\n";
  for (const Json& row : result["failed"])
    out << "NOT TIMED, " << row["operation"].get<std::string>() << ": "
        << row["case"].get<std::string>() << " on " << row["device"].get<std::string>() << " "
        << row["precision"].get<std::string>() << ": " << row["why"].get<std::string>() << '\n';
  std::string text = out.str();
  text.pop_back();
  return text;
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string kernels_csv(const Json& result) {
  std::string text =
      "device,precision,direction,operation,case,variant,pipeline,gflop,megabytes,caches,median_ms,"
      "p5_ms,p95_ms,noise,samples,rounds,thrown_out,stopped,floor_ms,floor_is,launch_us";
  const auto number = [](const Json& json) { return json.is_null() ? "" : json.dump(); };
  for (const Json& row : result["cases"])
    for (const char* how : {"warm", "cold", "kernel"}) {
      if (!row.contains(how)) continue;
      const Json& timing = row[how];
      text += '\n';
      for (const char* key : {"device", "precision", "direction", "operation", "case"})
        text += csv_field(row[key].get<std::string>()) + ',';
      text += (row["variant"].is_null() ? "" : csv_field(row["variant"].get<std::string>())) + ',';
      text += row["pipeline"].dump() + ',' + row["gflop"].dump() + ',' + row["megabytes"].dump() +
              ',' + how;
      for (const char* key :
           {"median_ms", "p5_ms", "p95_ms", "noise", "samples", "rounds", "thrown_out"})
        text += ',' + number(timing[key]);
      text += ',' + timing["stopped"].get<std::string>() + ',' +
              number(timing.value("floor_ms", Json())) + ',' + timing.value("floor_is", "") + ',' +
              number(row.value("launch_us", Json()));
    }
  return text;
}

}  // namespace ofer::bench
