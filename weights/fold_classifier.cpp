// The classifier's chain as one affine map, and what that costs in accuracy.
#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "kernels/cpu/threads.h"
#include "layers/norm.h"
#include "weights/fold_layers.h"

namespace ofer {
namespace {

using kernels::Index;
using kernels::cpu::CpuStream;

constexpr std::size_t kSamples = 2;
constexpr std::size_t kBlock = std::size_t{1} << 21;  // numbers of a matrix in memory at once
constexpr std::size_t kColumns = 512;                 // so that a chunk of all sums fits a cache

// Vectors on their way through the unfolded chain, in both precisions.
struct Samples {
  std::vector<std::vector<double>> wide;
  std::vector<std::vector<float>> narrow;

  explicit Samples(const std::vector<double>& inputs) {
    const std::size_t width = inputs.size() / kSamples;
    for (std::size_t i = 0; i < kSamples; ++i) {
      const auto begin = inputs.begin() + static_cast<std::ptrdiff_t>(i * width);
      wide.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(width));
      narrow.emplace_back(wide.back().begin(), wide.back().end());
    }
  }
};

template <class T>
void normalise(std::vector<T>& y, const NormValues& norm) {
  for (std::size_t i = 0; i < y.size(); ++i)
    y[i] =
        (y[i] - static_cast<T>(norm.mean[i])) /
            std::sqrt(static_cast<T>(norm.variance[i]) + static_cast<T>(layers::BatchNorm::kEps)) *
            static_cast<T>(norm.weight[i]) +
        static_cast<T>(norm.bias[i]);
}

class Chain {
 public:
  Chain(const FoldInput& input, const Config& config, std::int64_t classes, int threads)
      : input_(input),
        stream_(threads),
        classes_(static_cast<std::size_t>(classes)),
        latents_(static_cast<std::size_t>(config.latent_length())),
        features_(static_cast<std::size_t>(config.recogniser.feature_width())),
        latent_(random_inputs(kSamples * latents_, 1)),
        feature_(random_inputs(kSamples * features_, 2)) {}

  void run(Folded& result) {
    const Samples latent_in = latent_, feature_in = feature_;
    // Backwards: `matrix_` is what lies behind, [classes, width].
    matrix_.assign(classes_ * classes_, 0.0);
    bias_.assign(classes_, 0.0);
    for (std::size_t c = 0; c < classes_; ++c) matrix_[c * classes_ + c] = 1;
    back_through_norm("joint_bn3");
    back_through("joint3", nullptr);
    back_through_norm("joint_bn2");
    back_through("joint2", nullptr);
    back_through("joint1", nullptr);
    std::vector<double> features = split_off_features();
    back_through_norm("latent_bn4");
    back_through("latent4", nullptr);
    back_through("latent3", nullptr);
    back_through_norm("latent_bn2");
    back_through("latent2", nullptr);
    back_through("latent1", &latent_);  // the largest is read once for both
    // Forwards, as the unfolded network computes.
    forward("latent2");
    forward_norm("latent_bn2");
    forward("latent3");
    forward("latent4");
    forward_norm("latent_bn4");
    append(latent_, feature_);
    forward("joint1");
    forward("joint2");
    forward_norm("joint_bn2");
    forward("joint3");
    forward_norm("joint_bn3");
    result.errors.push_back(
        {"recogniser.classifier",
         error<double>(latent_in.wide, feature_in.wide, latent_.wide, features),
         error<float>(latent_in.narrow, feature_in.narrow, latent_.narrow, features)});
    result.tensors[name("latent.weight")] = {matrix_.begin(), matrix_.end()};
    result.tensors[name("features.weight")] = {features.begin(), features.end()};
    result.tensors[name("bias")] = {bias_.begin(), bias_.end()};
  }

 private:
  static std::string name(std::string_view part) {
    return "recogniser.classifier." + std::string(part);
  }

  void back_through_norm(const char* layer) {
    const NormValues norm = norm_of(input_, name(layer));
    const std::vector<double> scale = norm.scale(), shift = norm.shift();
    const std::size_t width = scale.size();
    for (std::size_t c = 0; c < classes_; ++c)
      for (std::size_t i = 0; i < width; ++i) {
        bias_[c] += matrix_[c * width + i] * shift[i];
        matrix_[c * width + i] *= scale[i];
      }
  }

  // matrix := matrix W, bias += matrix b, and, where samples are given, x := W x + b.
  void back_through(const char* layer, Samples* samples) {
    const std::vector<double> bias = all_of(input_, name(layer) + ".bias");
    const std::size_t rows = bias.size();
    const std::size_t width = width_of(layer);
    for (std::size_t c = 0; c < classes_; ++c)
      bias_[c] += dot<double>(bias.data(), matrix_.data() + c * rows, rows);
    std::vector<double> product(classes_ * width, 0.0);
    Samples forward = resized(samples ? rows : 0);
    each_block(layer, rows, width, [&](std::size_t first, std::size_t count, const double* block) {
      add_product(first, count, rows, width, block, product);
      if (samples) apply(*samples, bias, first, count, width, block, forward);
    });
    matrix_ = std::move(product);
    if (samples) *samples = std::move(forward);
  }

  void forward(const char* layer) {
    const std::vector<double> bias = all_of(input_, name(layer) + ".bias");
    const std::size_t rows = bias.size(), width = width_of(layer);
    Samples next = resized(rows);
    each_block(layer, rows, width, [&](std::size_t first, std::size_t count, const double* block) {
      apply(latent_, bias, first, count, width, block, next);
    });
    latent_ = std::move(next);
  }

  void forward_norm(const char* layer) {
    const NormValues norm = norm_of(input_, name(layer));
    for (auto& y : latent_.wide) normalise(y, norm);
    for (auto& y : latent_.narrow) normalise(y, norm);
  }

  std::size_t width_of(const char* layer) const {
    return static_cast<std::size_t>(input_.shape(name(layer) + ".weight")[1]);
  }

  static Samples resized(std::size_t width) {
    return Samples(std::vector<double>(kSamples * width, 0.0));
  }

  static void append(Samples& to, const Samples& from) {
    for (std::size_t i = 0; i < kSamples; ++i) {
      to.wide[i].insert(to.wide[i].end(), from.wide[i].begin(), from.wide[i].end());
      to.narrow[i].insert(to.narrow[i].end(), from.narrow[i].begin(), from.narrow[i].end());
    }
  }

  // [classes, latents + features]: the features' columns come out.
  std::vector<double> split_off_features() {
    const std::size_t both = matrix_.size() / classes_, latents = both - features_;
    std::vector<double> features(classes_ * features_), rest(classes_ * latents);
    for (std::size_t c = 0; c < classes_; ++c) {
      const double* row = matrix_.data() + c * both;
      std::copy(row, row + latents, rest.data() + c * latents);
      std::copy(row + latents, row + both, features.data() + c * features_);
    }
    matrix_ = std::move(rest);
    return features;
  }

  // Rows of a weight, as many as fit the block, read by all threads.
  template <class Use>
  void each_block(const char* layer, std::size_t rows, std::size_t width, Use&& use) {
    const std::size_t most = std::clamp<std::size_t>(kBlock / width, 1, rows);
    const std::string weight = name(layer) + ".weight";
    std::vector<double> block(most * width);
    for (std::size_t first = 0; first < rows; first += most) {
      const std::size_t count = std::min(most, rows - first);
      stream_.parallel_for(
          static_cast<Index>(count), static_cast<Index>(std::max<std::size_t>(1, count / 16)),
          [&](Index begin, Index end, int) {
            input_.read(
                weight,
                static_cast<std::int64_t>((first + static_cast<std::size_t>(begin)) * width),
                std::span(block).subspan(static_cast<std::size_t>(begin) * width,
                                         static_cast<std::size_t>(end - begin) * width));
          });
      use(first, count, block.data());
    }
  }

  // product[c, i] += sum_r matrix[c, r] W[r, i] over the rows of a block. Every sum runs over
  // ascending r, whatever the threads.
  void add_product(std::size_t first, std::size_t count, std::size_t rows, std::size_t width,
                   const double* block, std::vector<double>& product) {
    stream_.parallel_for(static_cast<Index>(width), static_cast<Index>(kColumns),
                         [&](Index begin, Index end, int) {
                           for (std::size_t r = 0; r < count; ++r)
                             for (std::size_t c = 0; c < classes_; ++c) {
                               const double factor = matrix_[c * rows + first + r];
                               const double* __restrict weight = block + r * width;
                               double* __restrict sum = product.data() + c * width;
                               for (Index i = begin; i < end; ++i) sum[i] += factor * weight[i];
                             }
                         });
  }

  void apply(const Samples& x, const std::vector<double>& bias, std::size_t first,
             std::size_t count, std::size_t width, const double* block, Samples& y) {
    stream_.parallel_for(static_cast<Index>(count), 1, [&](Index begin, Index end, int) {
      for (auto r = static_cast<std::size_t>(begin); r < static_cast<std::size_t>(end); ++r)
        for (std::size_t i = 0; i < kSamples; ++i) {
          const double* row = block + r * width;
          const std::size_t at = first + r;
          y.wide[i][at] = dot<double>(row, x.wide[i].data(), width) + bias[at];
          y.narrow[i][at] =
              dot<float>(row, x.narrow[i].data(), width) + static_cast<float>(bias[at]);
        }
    });
  }

  template <class T>
  double error(const std::vector<std::vector<T>>& latent,
               const std::vector<std::vector<T>>& feature,
               const std::vector<std::vector<T>>& logits, const std::vector<double>& features) {
    double difference = 0, largest = 0;
    for (std::size_t i = 0; i < kSamples; ++i)
      for (std::size_t c = 0; c < classes_; ++c) {
        const T folded = dot<T>(matrix_.data() + c * latents_, latent[i].data(), latents_) +
                         dot<T>(features.data() + c * features_, feature[i].data(), features_) +
                         static_cast<T>(bias_[c]);
        difference = std::max(difference, std::abs(static_cast<double>(folded - logits[i][c])));
        largest = std::max(largest, std::abs(static_cast<double>(logits[i][c])));
      }
    return largest > 0 ? difference / largest : difference;
  }

  const FoldInput& input_;
  CpuStream stream_;
  std::size_t classes_, latents_, features_;
  Samples latent_, feature_;
  std::vector<double> matrix_, bias_;
};

}  // namespace

void fold_classifier(const FoldInput& input, const Config& config, std::int64_t classes,
                     int threads, Folded& result) {
  Chain(input, config, classes, threads).run(result);
}

}  // namespace ofer
