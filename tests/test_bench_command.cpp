// `ofer bench` as a user runs it, and its kernels' check.
#include <doctest/doctest.h>

#include "bench/command/result_file.h"
#include "bench/measure/kernel_run.h"
#include "tests/support/command.h"
#include "tests/support/error_of.h"

namespace ofer::test {
namespace {

using Json = nlohmann::ordered_json;

// One quick case: `more` says what else.
Words kernels_words(const Words& more) {
  Words words{"bench",     "kernels", "--operation", "layer_norm", "--case",    "encoder, 1 image",
              "--seconds", "0.002",   "--rounds",    "2",          "--threads", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Words pipeline_words(const Words& more) {
  Words words{"bench", "pipeline",  "-m", tiny_weights(), "--seconds", "0.002", "--rounds",
              "2",     "--threads", "1",  "--batch",      "1,3"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

void wrong_layer_norm(const kernels::LayerNormArgs<float>& args, kernels::Stream& stream) {
  cpu_backends().back().f32->layer_norm(args, stream);
  args.y[args.rows * args.columns / 2] += 1;
}

bench::KernelRun run_layer_norm(bench::KernelTarget target) {
  bench::KernelChoice choice;
  choice.operations = {"layer_norm"};
  choice.name = "1 image";
  bench::RoundRule rule;
  rule.least_rounds = 1;
  rule.seconds = 0.001;
  return bench::run_kernels({std::move(target)}, choice, rule,
                            [](std::size_t, std::size_t) { return true; });
}

}  // namespace

TEST_SUITE("bench_command") {
  TEST_CASE("kernels: one JSON object with times, floors and the machine") {
    const TemporaryFolder folder;
    const std::string file = (folder / "result.json").string();
    const Ran ran = run_ofer(kernels_words({"-o", file}));
    CHECK(ran.code == 0);
    REQUIRE(ran.lines().size() == 1);
    const Json result = ran.json()[0];
    CHECK(result == bench::read_result(file));
    CHECK(result["kind"] == "kernels");
    CHECK(result["machine"]["cores"].get<int>() > 0);
    CHECK(result["targets"][0]["roofline"]["gflop_per_s"].get<double>() > 0);
    CHECK(result["failed"].empty());
    REQUIRE(result["cases"].size() == 1);
    const Json& row = result["cases"][0];
    CHECK(row["operation"] == "layer_norm");
    CHECK(row["case"] == "encoder, 1 image");
    CHECK(row["pipeline"] == true);
    const Json& warm = row["warm"];
    CHECK(warm["median_ms"].get<double>() > 0);
    CHECK(warm["p5_ms"].get<double>() <= warm["median_ms"].get<double>());
    CHECK(warm["median_ms"].get<double>() <= warm["p95_ms"].get<double>());
    CHECK(warm["rounds"].get<int>() >= 2);
    CHECK(warm["floor_ms"].get<double>() > 0);
    CHECK(warm["floor_is"] == "bytes");
    CHECK(bench::figures_of(result, file).size() == 1);
  }

  TEST_CASE("kernels: comma-separated values, text, several precisions and test shapes") {
    const Ran csv = run_ofer(kernels_words({"--csv", "--test-shapes"}));
    CHECK(csv.code == 0);
    REQUIRE(csv.lines().size() == 2);
    CHECK(csv.lines()[0].starts_with("device,precision,direction,operation,case"));
    CHECK(csv.lines()[1].starts_with("cpu,fp32,forward,layer_norm,\"encoder, 1 image\",,true,"));
    const Ran table = run_ofer(kernels_words({"--table"}));
    CHECK(table.code == 0);
    CHECK(table.out.find("\nlayer_norm\n") != std::string::npos);
    for (const std::string& line : table.lines()) CHECK(line.size() <= 100);
    if (has_terminals()) {
      const Ran narrow = run_on_terminal(kernels_words({}), 80);
      CHECK(narrow.code == 0);
      for (const std::string& line : narrow.lines())
        if (line.find("products reach") == std::string::npos) CHECK(line.size() <= 80);
    }
  }

  TEST_CASE("kernels: what went in and came out, for others to repeat") {
    const TemporaryFolder folder;
    const Ran ran = run_ofer(kernels_words({"--tensors", (folder / "tensors").string()}));
    CHECK(ran.code == 0);
    const std::string name = ran.json()[0]["cases"][0]["tensors"];
    const Ran inspected = run_ofer({"inspect", "--json", (folder / "tensors" / name).string()});
    for (const char* tensor : {"in/x", "in/weight", "in/bias", "out/y"})
      CHECK(inspected.out.find(tensor) != std::string::npos);
  }

  TEST_CASE("kernels: a list, and names that nobody knows") {
    const Ran list = run_ofer({"bench", "kernels", "--list", "--direction", "backward"});
    CHECK(list.code == 0);
    for (const std::string& line : list.lines())
      CHECK(line.find("_backward: ") != std::string::npos);
    const Ran operation = run_ofer({"bench", "kernels", "--operation", "convolve"});
    CHECK(operation.code == 2);
    CHECK(operation.error_says("no operation \"convolve\"; there are: linear, "));
    const Ran name =
        run_ofer({"bench", "kernels", "--operation", "attention", "--case", "nothing"});
    CHECK(name.code == 2);
    CHECK(name.error_says("encoder, 16 images"));
    CHECK(run_ofer({"bench", "kernels", "--precision", "fp8"}).code == 2);
    CHECK(run_ofer({"bench", "kernels", "--device", "tpu"}).code == 2);
    CHECK(run_ofer({"bench", "kernels", "--precision", "tf32"}).error_says("for a GPU"));
    CHECK(run_ofer({"bench", "kernels", "--variants"}).code == 2);
    const Ran none = run_ofer({"bench"});
    CHECK(none.code == 2);
  }

  TEST_CASE("kernels: a disk that is full costs no figures") {
    const Ran ran = run_ofer(kernels_words({"-o", "/dev/full"}));
    CHECK(ran.code == 3);
    CHECK(ran.error_lines() == 1);
    CHECK(ran.json().size() == 1);
    CHECK(run_ofer(kernels_words({"--list"}), "/dev/null", "/dev/full").code == 3);
  }

  TEST_CASE("kernels: a case that fails its check is never timed") {
    bench::KernelTarget target = bench::kernel_target("cpu", "fp32", 1);
    CHECK(run_layer_norm(target).rows.at(0).wrong.empty());
    kernels::Table<float> broken = *target.backend.f32;
    broken.layer_norm = &wrong_layer_norm;
    target.backend.f32 = &broken;
    const bench::KernelRun run = run_layer_norm(target);
    REQUIRE(run.rows.size() == 1);
    CHECK(run.rows[0].wrong.find("y is off by") != std::string::npos);
    CHECK(run.rows[0].times.warm.empty());
    broken.layer_norm = nullptr;
    CHECK(run_layer_norm(target).rows.at(0).wrong.find("unsupported") != std::string::npos);
  }

  TEST_CASE("pipeline: stages, floors and kernels of each batch") {
    const TemporaryFolder folder;
    const std::string trace = (folder / "trace.json").string();
    const Ran ran = run_ofer(pipeline_words({"--trace", trace}));
    CHECK(ran.code == 0);
    REQUIRE(ran.lines().size() == 1);
    const Json result = ran.json()[0];
    CHECK(result["kind"] == "pipeline");
    CHECK(bench::figures_of(result, "").size() == 8);
    const Json& batches = result["runs"][0]["batches"];
    REQUIRE(batches.size() == 2);
    for (const Json& batch : batches) {
      double parts = 0;
      for (const char* stage : {"detect", "reconstruct", "recognise"}) {
        INFO(stage);
        CHECK(batch["stages"][stage]["median_ms"].get<double>() > 0);
        CHECK(batch["floors"][stage]["floor_ms"].get<double>() > 0);
        parts += batch["floors"][stage]["floor_ms"].get<double>();
      }
      CHECK(batch["floors"]["whole"]["floor_ms"].get<double>() == doctest::Approx(parts));
      CHECK(batch["images_per_second"].get<double>() > 0);
      CHECK(batch["memory"]["workspace_mib"].get<double>() > 0);
      double gflop = 0;
      for (const Json& row : batch["kernels"]) gflop += row["gflop"].get<double>();
      CHECK(gflop == doctest::Approx(batch["floors"]["whole"]["gflop"].get<double>()));
      CHECK(batch["restored"].size() == 256);
    }
    CHECK(batches[1]["floors"]["whole"]["gflop"].get<double>() ==
          doctest::Approx(3 * batches[0]["floors"]["whole"]["gflop"].get<double>()).epsilon(0.2));
    const Json timeline = Json::parse(read_file(trace));
    std::size_t kernels = 0;
    for (const Json& event : timeline["traceEvents"])
      if (event["ph"] == "X" && event["tid"] == 2) {
        ++kernels;
        CHECK(event["dur"].get<double>() >= 0);
      }
    CHECK(kernels > 20);
  }

  TEST_CASE("pipeline: comma-separated values and text; what cannot be obeyed") {
    const Ran csv = run_ofer(pipeline_words({"--csv"}));
    CHECK(csv.lines().size() == 9);
    const Ran table = run_ofer(pipeline_words({"--table"}));
    CHECK(table.out.find("Furthest from its floor, batch 3") != std::string::npos);
    CHECK(run_ofer({"bench", "pipeline"}).code == 2);
    CHECK(run_ofer({"bench", "pipeline", "-m", "/nowhere"}).code == 3);
    CHECK(run_ofer(pipeline_words({"--batch", "0"})).code == 2);
    CHECK(run_ofer(pipeline_words({"--inputs", tiny_weights()})).error_says("no tensor vit_raw"));
  }

  TEST_CASE("pipeline: batches grow until one takes too long") {
    const Ran ran = run_ofer({"bench", "pipeline", "-m", tiny_weights(), "--seconds", "0.001",
                              "--rounds", "1", "--longest", "0.001"});
    CHECK(ran.code == 0);
    CHECK(ran.json()[0]["runs"][0]["largest"] == "time");
  }

  TEST_CASE("compare: two files, and what is none") {
    const TemporaryFolder folder;
    const std::string a = (folder / "a.json").string(), b = (folder / "b.json").string();
    REQUIRE(run_ofer(kernels_words({"-o", a})).code == 0);
    Json result = bench::read_result(a);
    result["cases"][0]["warm"]["noise"] = 0.01;
    bench::write_result(a, result);
    const Ran same = run_ofer({"bench", "compare", a, a});
    CHECK(same.code == 0);
    CHECK(same.json()[0]["figures"][0]["verdict"] == "same");
    Json& median = result["cases"][0]["warm"]["median_ms"];
    median = median.get<double>() * 1.1;
    bench::write_result(b, result);
    const Ran slower = run_ofer({"bench", "compare", "--table", a, b});
    CHECK(slower.code == 1);
    CHECK(slower.lines()[0].starts_with("SLOWER"));
    CHECK(run_ofer({"bench", "compare", b, a}).code == 0);

    result["version"] = 99;
    bench::write_result(b, result);
    const Ran version = run_ofer({"bench", "compare", a, b});
    CHECK(version.code == 3);
    CHECK(version.error_says("version 99"));
    write_file(b, "{\"format\": \"something else\"}");
    CHECK(run_ofer({"bench", "compare", a, b}).error_says("no result of ofer bench"));
    write_file(b, "not JSON");
    CHECK(run_ofer({"bench", "compare", a, b}).code == 3);
    CHECK(run_ofer({"bench", "compare", a, (folder / "none").string()}).code == 3);
    CHECK(run_ofer({"bench", "compare", a}).code == 2);
    result["version"] = bench::kResultVersion;
    result["cases"][0].erase("warm");
    result["cases"][0]["warm"] = Json::object();
    bench::write_result(b, result);
    CHECK(run_ofer({"bench", "compare", a, b}).error_says("damaged"));
  }
}

}  // namespace ofer::test
