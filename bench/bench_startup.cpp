// From the start of a process to its first result: ofer_bench_startup WEIGHTS [RUNS] [THREADS].
//
// Starts itself RUNS times (15), each time to analyse one picture by the interface and end, and
// takes the time from before the start to after the end. From that goes the work itself: what one
// more analysis takes in such a process. What is left is loading, checking, planning and the
// process.
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "bench/timing.h"
#include "ofer/ofer.h"

extern char** environ;

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

// One process's life: load, analyse `passes` times. Prints the milliseconds of the last pass.
int live(const char* weights, int threads, int passes) {
  ofer_error error = OFER_ERROR_INIT;
  ofer_model* model = nullptr;
  ofer_session* session = nullptr;
  ofer_session_options options = OFER_SESSION_OPTIONS_INIT;
  options.threads = threads;
  if (ofer_model_load(weights, nullptr, &model, &error) != OFER_OK ||
      ofer_session_create(model, &options, &session, &error) != OFER_OK) {
    std::fprintf(stderr, "%s\n", error.text);
    return 1;
  }
  // A quarter of a drawn picture is of another kind, so that something is covered.
  constexpr int kSide = 112;
  std::vector<std::uint8_t> pixels(3 * kSide * kSide);
  for (std::size_t i = 0; i < pixels.size(); ++i)
    pixels[i] = static_cast<std::uint8_t>(i < pixels.size() / 4 ? i * 37 : 100 + i / 700);
  ofer_image image = OFER_IMAGE_INIT;
  image.data = pixels.data();
  image.width = image.height = kSide;
  std::int32_t label = 0;
  ofer_results results = OFER_RESULTS_INIT;
  results.labels.data = &label;
  results.labels.count = 1;
  double took = 0;
  for (int pass = 0; pass < passes; ++pass) {
    const Clock::time_point start = Clock::now();
    if (ofer_analyse(session, &image, 1, nullptr, &results) != OFER_OK) {
      std::fprintf(stderr, "%s\n", ofer_session_error(session));
      return 1;
    }
    took = milliseconds_since(start);
  }
  if (passes > 1) std::printf("%.3f\n", took);
  ofer_session_free(session);
  ofer_model_free(model);
  return 0;
}

// Starts this program to live once; the milliseconds of its life.
double life(const char* program, const char* weights, const std::string& threads) {
  std::vector<std::string> words = {program, weights, "--live", threads};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const Clock::time_point start = Clock::now();
  pid_t child = 0;
  int status = 1;
  if (posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, argv.data(), environ) != 0 ||
      waitpid(child, &status, 0) != child || status != 0) {
    std::fprintf(stderr, "a process could not be started, or failed\n");
    std::exit(1);
  }
  return milliseconds_since(start);
}

// The milliseconds of an analysis that is not a process's first.
double work(const char* program, const char* weights, const std::string& threads) {
  const std::string command = "'" + std::string(program) + "' '" + weights + "' --work " + threads;
  double took = 0;
  std::FILE* pipe = popen(command.c_str(), "r");
  const bool read = pipe && std::fscanf(pipe, "%lf", &took) == 1;
  if (!pipe || pclose(pipe) != 0 || !read) {
    std::fprintf(stderr, "%s failed\n", command.c_str());
    std::exit(1);
  }
  return took;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: ofer_bench_startup WEIGHTS [RUNS] [THREADS]\n");
    return 2;
  }
  if (argc == 4 && std::strcmp(argv[2], "--live") == 0) return live(argv[1], std::atoi(argv[3]), 1);
  if (argc == 4 && std::strcmp(argv[2], "--work") == 0) return live(argv[1], std::atoi(argv[3]), 5);
  const int runs = argc > 2 ? std::atoi(argv[2]) : 15;
  const std::string threads = argc > 3 ? argv[3] : "0";
  std::vector<double> lives, works, beyond;
  for (int run = 0; run < runs; ++run) {  // in turns, so that both meet the same machine
    lives.push_back(life(argv[0], argv[1], threads));
    works.push_back(work(argv[0], argv[1], threads));
    beyond.push_back(lives.back() - works.back());
  }
  const auto median = [](const std::vector<double>& values) {
    return ofer::bench::quantile(ofer::bench::in_order(values), 0.5);
  };
  std::printf(
      "process with one analysis %.1f ms, an analysis %.1f ms, beyond the work %.1f ms "
      "(medians of %d)\n",
      median(lives), median(works), median(beyond), runs);
  return 0;
}
