// Why the operations with the largest gaps above their floors have them: ofer_bench_causes
// [--threads N]
// [--rounds N].
//
// Each experiment does the same work in several ways, the operation itself first; the others leave
// out or change one thing, and what a way saves is what that thing costs. Ways take turns, round by
// round. JSON on standard output; bench/find_causes.py saves it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/program.h"
#include "engine/cores.h"
#include "kernels/cpu/matmul.h"
#include "kernels/cpu/select.h"
#include "kernels/table.h"

namespace ofer::bench {
namespace {

using kernels::Index;
using kernels::cpu::CpuStream;
using kernels::cpu::Matmul;
using kernels::cpu::matmul;
using kernels::cpu::matmul_block;

struct Way {
  std::string how;
  double gflop;
  std::function<void()> run;
};

// `config`, `stages`: where the shape occurs.
struct Experiment {
  std::string config, operation, shape;
  std::vector<std::string> stages;
  std::vector<Way> ways;
};

std::vector<float> numbers(Index count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  std::uint32_t state = 1;
  for (float& value : values) {
    state = state * 1664525u + 1013904223u;
    value = static_cast<float>(state >> 8) * 0x1p-24f - 0.5f;
  }
  return values;
}

// Weights of as many layers as a cache does not hold, used one behind the other: a pass reads every
// weight once.
class Weights {
 public:
  explicit Weights(Index count) : count_(count), copies_(1 + kBytes / (4 * count)) {
    values_ = numbers(count_ * copies_);
  }
  const float* next() {
    at_ = (at_ + 1) % copies_;
    return values_.data() + at_ * count_;
  }

 private:
  static constexpr Index kBytes = Index{96} << 20;
  Index count_, copies_, at_ = 0;
  std::vector<float> values_;
};

// y [rows, out] = x [rows, in] * weight^T, in the blocks of columns that the kernel takes.
class LinearProduct {
 public:
  LinearProduct(Index rows, Index in, Index out, CpuStream& cpu)
      : rows_(rows),
        in_(in),
        out_(out),
        cpu_(cpu),
        weights_(in * out),
        x_(numbers(rows * in)),
        y_(static_cast<std::size_t>(rows * out)) {}

  // `panels`: a block's weights lie as [in, columns of the block] instead of [columns, in].
  void run(bool panels) {
    const float* weight = weights_.next();
    const Index width = matmul_block(out_);
    cpu_.parallel_for((out_ + width - 1) / width, 1, [&](Index first, Index last, int) {
      for (Index block = first; block < last; ++block) {
        const Index begin = block * width, columns = std::min(width, out_ - begin);
        Matmul<float> product;
        product.transpose_b = !panels;
        product.m = rows_;
        product.n = columns;
        product.k = in_;
        product.a = x_.data();
        product.lda = in_;
        product.b = weight + begin * in_;
        product.ldb = panels ? columns : in_;
        product.c = y_.data() + begin;
        product.ldc = out_;
        matmul(product);
      }
    });
  }
  double gflop() const { return 2e-9 * static_cast<double>(rows_ * in_ * out_); }

 private:
  Index rows_, in_, out_;
  CpuStream& cpu_;
  Weights weights_;
  std::vector<float> x_, y_;
};

Experiment linear(const char* config, Index rows, Index in, Index out,
                  std::vector<std::string> stages, CpuStream& cpu) {
  const auto product = std::make_shared<LinearProduct>(rows, in, out, cpu);
  const auto many = std::make_shared<LinearProduct>(8 * rows, in, out, cpu);
  return {config,
          "linear",
          std::to_string(rows) + " rows, " + std::to_string(in) + " to " + std::to_string(out),
          std::move(stages),
          {{"as it is", product->gflop(), [product] { product->run(false); }},
           {"weights stored in the order in which the product reads them", product->gflop(),
            [product] { product->run(true); }},
           {"eight times the rows", many->gflop(), [many] { many->run(false); }}}};
}

// A 3 x 3 convolution of one image.
class Convolution {
 public:
  Convolution(Index channels, Index side, CpuStream& cpu)
      : cpu_(cpu),
        weights_(channels * channels * 9),
        x_(numbers(channels * side * side)),
        y_(x_.size()),
        columns_(numbers(channels * 9 * side * side)) {
    g_ = {1, channels, side, side, channels, side, side, 3, 3, 1, 1, 1, 1, 1, 1};
  }

  void kernel() {
    kernels::Conv2dArgs<float> args{};
    args.geometry = g_;
    args.x = x_.data();
    args.weight = weights_.next();
    args.y = y_.data();
    kernels::cpu::table_f32(kernels::cpu::best_variant())->conv2d(args, cpu_);
  }
  // Output channels shared out among the threads, the columns of the whole map in one product.
  void products() {
    const float* weight = weights_.next();
    const Index depth = g_.in_channels * 9, plane = g_.out_height * g_.out_width;
    const Index share = (g_.out_channels + cpu_.threads() - 1) / cpu_.threads();
    cpu_.parallel_for(cpu_.threads(), 1, [&](Index first, Index last, int) {
      for (Index s = first; s < last; ++s) {
        Matmul<float> product;
        product.m = std::min(share, g_.out_channels - s * share);
        product.n = plane;
        product.k = depth;
        product.a = weight + s * share * depth;
        product.lda = depth;
        product.b = columns_.data();
        product.ldb = plane;
        product.c = y_.data() + s * share * plane;
        product.ldc = plane;
        if (product.m > 0) matmul(product);
      }
    });
  }
  double gflop() const {
    return 2e-9 *
           static_cast<double>(g_.out_channels * g_.in_channels * 9 * g_.out_height * g_.out_width);
  }

 private:
  CpuStream& cpu_;
  kernels::ConvGeometry g_;
  Weights weights_;
  std::vector<float> x_, y_, columns_;
};

Experiment convolution(const char* config, Index channels, Index side,
                       std::vector<std::string> stages, CpuStream& cpu) {
  const auto one = std::make_shared<Convolution>(channels, side, cpu);
  const auto large = std::make_shared<Convolution>(channels, 2 * side, cpu);
  return {
      config,
      "conv2d",
      std::to_string(channels) + " channels, 3 x 3, " + std::to_string(side) + " x " +
          std::to_string(side),
      std::move(stages),
      {{"as it is", one->gflop(), [one] { one->kernel(); }},
       {"its products alone, of columns made beforehand", one->gflop(), [one] { one->products(); }},
       {"products alone, four times the positions", large->gflop(),
        [large] { large->products(); }}}};
}

// Attention of some images with 197 tokens each, heads of 64 channels or less.
class AttentionOfImages {
 public:
  AttentionOfImages(Index images, Index heads, Index head_width, CpuStream& cpu)
      : images_(images),
        heads_(heads),
        width_(head_width),
        cpu_(cpu),
        qkv_(numbers(images * kTokens * 3 * heads * head_width)),
        y_(static_cast<std::size_t>(images * kTokens * heads * head_width)) {
    for (Index i = 0; i <= images; ++i) offsets_.push_back(static_cast<std::int32_t>(i * kTokens));
  }

  void kernel() {
    kernels::AttentionArgs<float> args{};
    args.qkv = qkv_.data();
    args.y = y_.data();
    args.segments = {images_, kTokens, 1, offsets_.data(), offsets_.data()};
    args.heads = heads_;
    args.head_width = width_;
    args.scale = 0.125;
    kernels::cpu::table_f32(kernels::cpu::best_variant())->attention(args, cpu_);
  }
  // Scores and the weighted sum, without what stands between them.
  void products() {
    cpu_.parallel_for(images_ * heads_, 1, [&](Index first, Index last, int worker) {
      const Index row = 3 * heads_ * width_;
      float* scores = cpu_.scratch<float>(worker, 3, kTokens * kTokens);
      for (Index item = first; item < last; ++item) {
        const float* q = qkv_.data() + item / heads_ * kTokens * row + item % heads_ * width_;
        Matmul<float> product;
        product.transpose_b = true;
        product.m = product.n = product.ldc = kTokens;
        product.k = width_;
        product.a = q;
        product.b = q + heads_ * width_;
        product.lda = product.ldb = row;
        product.c = scores;
        matmul(product);
        product.transpose_b = false;
        product.n = width_;
        product.k = product.lda = kTokens;
        product.a = scores;
        product.b = q + 2 * heads_ * width_;
        product.c = y_.data() + item / heads_ * kTokens * heads_ * width_ + item % heads_ * width_;
        product.ldc = heads_ * width_;
        matmul(product);
      }
    });
  }
  double gflop() const {
    return 4e-9 * static_cast<double>(images_ * heads_ * kTokens * kTokens * width_);
  }

 private:
  static constexpr Index kTokens = 197;
  Index images_, heads_, width_;
  CpuStream& cpu_;
  std::vector<float> qkv_, y_;
  std::vector<std::int32_t> offsets_;
};

Experiment attention(const char* config, Index images, Index heads, Index head_width,
                     std::vector<std::string> stages, CpuStream& cpu) {
  const auto work = std::make_shared<AttentionOfImages>(images, heads, head_width, cpu);
  return {config,
          "attention",
          std::to_string(images) + " x 197 tokens, " + std::to_string(heads) + " heads of " +
              std::to_string(head_width),
          std::move(stages),
          {{"as it is", work->gflop(), [work] { work->kernel(); }},
           {"its two products alone, without the softmax", work->gflop(),
            [work] { work->products(); }}}};
}

// What the others are held against.
Experiment roof(CpuStream& cpu) {
  constexpr Index kSide = 1536;
  const auto a = std::make_shared<std::vector<float>>(numbers(kSide * kSide));
  const auto c = std::make_shared<std::vector<float>>(a->size());
  Matmul<float> product;
  product.m = product.n = product.k = product.lda = product.ldb = product.ldc = kSide;
  product.a = product.b = a->data();
  product.c = c->data();
  return {"",
          "product",
          "1536 x 1536 x 1536",
          {},
          {{"as it is", 2e-9 * static_cast<double>(kSide * kSide * kSide),
            [a, c, product, &cpu] { matmul(product, cpu); }}}};
}

double milliseconds(const std::function<void()>& run) {
  const auto before = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - before)
      .count();
}

int run(int argc, char** argv) {
  int threads = 0, rounds = 15;
  CLI::App app("Experiments on the largest gaps of a CPU.");
  app.add_option("--threads", threads, "threads (one for each core)")->check(CLI::Range(1, 1024));
  app.add_option("--rounds", rounds, "turns of the ways")->check(CLI::Range(3, 10000));
  CLI11_PARSE(app, argc, argv);
  threads = threads_or_cores(threads);
  CpuStream cpu(threads);
  const std::vector<std::string> both = {"detect", "reconstruct"};
  const std::vector<Experiment> experiments = {
      roof(cpu),
      linear("base", 197, 768, 2304, both, cpu),
      linear("base", 197, 768, 3072, both, cpu),
      linear("base", 197, 3072, 768, both, cpu),
      linear("base", 99, 768, 3072, {"reconstruct"}, cpu),
      linear("base", 99, 3072, 768, {"reconstruct"}, cpu),
      linear("base", 197, 512, 2048, {"reconstruct"}, cpu),
      linear("base", 197, 2048, 512, {"reconstruct"}, cpu),
      convolution("base", 256, 14, {"recognise"}, cpu),
      convolution("base", 512, 7, {"recognise"}, cpu),
      attention("base", 1, 12, 64, both, cpu),
      attention("small", 16, 3, 64, both, cpu),
      linear("small", 197, 192, 768, both, cpu),
      linear("small", 197, 768, 192, both, cpu),
      convolution("small", 16, 128, {"reconstruct"}, cpu),
      convolution("small", 64, 16, {"reconstruct"}, cpu),
      convolution("small", 128, 14, {"recognise"}, cpu),
      convolution("small", 256, 7, {"recognise"}, cpu),
  };
  constexpr double kLeastMs = 20;  // of one turn
  std::vector<std::vector<std::vector<double>>> times;
  for (const Experiment& experiment : experiments) times.emplace_back(experiment.ways.size());
  for (int round = -1; round < rounds; ++round)
    for (std::size_t e = 0; e < experiments.size(); ++e)
      for (std::size_t w = 0; w < experiments[e].ways.size(); ++w) {
        std::vector<double> turn;
        double total = 0;
        while (turn.size() < 3 || total < kLeastMs) {
          turn.push_back(milliseconds(experiments[e].ways[w].run));
          total += turn.back();
        }
        if (round >= 0) times[e][w].push_back(quantile(in_order(turn), 0.5));  // the first warms up
      }
  nlohmann::ordered_json result = {{"format", "ofer-causes"},
                                   {"threads", threads},
                                   {"rounds", rounds},
                                   {"products", kernels::cpu::matmul_library()},
                                   {"experiments", nlohmann::ordered_json::array()}};
  for (std::size_t e = 0; e < experiments.size(); ++e) {
    nlohmann::ordered_json ways = nlohmann::ordered_json::array();
    for (std::size_t w = 0; w < experiments[e].ways.size(); ++w) {
      const std::vector<double> sorted = in_order(times[e][w]);
      const double ms = quantile(sorted, 0.5);
      ways.push_back({{"how", experiments[e].ways[w].how},
                      {"ms", ms},
                      {"gflop_per_s", experiments[e].ways[w].gflop / ms * 1e3},
                      {"spread", (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / ms}});
    }
    result["experiments"].push_back({{"config", experiments[e].config},
                                     {"operation", experiments[e].operation},
                                     {"shape", experiments[e].shape},
                                     {"stages", experiments[e].stages},
                                     {"ways", std::move(ways)}});
  }
  std::cout << result.dump(1) << '\n';
  return 0;
}

}  // namespace
}  // namespace ofer::bench

int main(int argc, char** argv) {
  return ofer::bench::run_program("ofer_bench_causes",
                                  [&] { return ofer::bench::run(argc, argv); });
}
