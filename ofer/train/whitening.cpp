#include "ofer/train/whitening.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <thread>

#include "engine/error.h"

namespace ofer {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Vector = Eigen::VectorXd;

// use(group) for all of them, shared out among threads.
template <class Use>
void each_group(std::int64_t groups, int threads, const Use& use) {
  const std::int64_t workers = std::clamp<std::int64_t>(threads, 1, groups);
  std::vector<std::thread> others;
  const auto work = [&](std::int64_t first) {
    for (std::int64_t group = first; group < groups; group += workers) use(group);
  };
  for (std::int64_t w = 1; w < workers; ++w) others.emplace_back(work, w);
  work(0);
  for (std::thread& thread : others) thread.join();
}

}  // namespace

Whitening::Whitening(std::int64_t groups, std::int64_t width)
    : groups_(groups),
      width_(width),
      count_(static_cast<std::size_t>(groups)),
      sum_(static_cast<std::size_t>(groups * width)),
      square_(static_cast<std::size_t>(groups * width * width)) {}

void Whitening::add(std::span<const float> z, std::int64_t count, int threads) {
  const auto vectors = static_cast<std::int64_t>(z.size()) / width_;
  OFER_ASSERT(vectors % groups_ == 0 && count > 0 && vectors % count == 0);
  const std::int64_t rows = vectors / groups_;
  each_group(groups_, threads, [&](std::int64_t group) {
    Matrix x(rows, width_);
    for (std::int64_t row = 0; row < rows; ++row) {
      const float* from = z.data() + (row * groups_ + group) * width_;
      for (std::int64_t i = 0; i < width_; ++i) x(row, i) = double{from[i]};
    }
    Eigen::Map<Vector>(sum_.data() + group * width_, width_) += x.colwise().sum().transpose();
    Eigen::Map<Matrix> square(square_.data() + group * width_ * width_, width_, width_);
    square.selfadjointView<Eigen::Lower>().rankUpdate(x.transpose());
    count_[static_cast<std::size_t>(group)] += static_cast<double>(rows);
  });
}

Whitening::Map Whitening::solve(std::int64_t features, double ridge, int threads) const {
  require(features >= 1 && features <= width_, ErrorCode::kBadArgument, "a whitening phi of ",
          features, " features cannot be made of latents of width ", width_);
  require(count_[0] > 0, ErrorCode::kBadArgument, "there is no latent to whiten");
  for (const double value : sum_)
    require(std::isfinite(value), ErrorCode::kBadArgument,
            "a latent is not finite; the encoder's weights are damaged or trained astray");
  Map map;
  map.phi.resize(static_cast<std::size_t>(groups_ * features * width_));
  map.center.resize(static_cast<std::size_t>(groups_ * features));
  each_group(groups_, threads, [&](std::int64_t group) {
    const double count = count_[static_cast<std::size_t>(group)];
    const Vector mean = Eigen::Map<const Vector>(sum_.data() + group * width_, width_) / count;
    Matrix covariance =
        Eigen::Map<const Matrix>(square_.data() + group * width_ * width_, width_, width_) / count;
    covariance.triangularView<Eigen::Lower>() -= mean * mean.transpose();
    const double scale = covariance.diagonal().mean();
    // Latents that are all the same have no directions: then distances are plain ones.
    covariance.diagonal().array() += scale > 0 ? ridge * scale : 1.0;
    // Ascending eigenvalues.
    const Eigen::SelfAdjointEigenSolver<Matrix> solver(covariance);
    const double floor = 1e-12 * std::max(scale, 1e-300);
    Eigen::Map<Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>> phi(
        map.phi.data() + group * features * width_, features, width_);
    for (std::int64_t k = 0; k < features; ++k) {
      const double deviation = std::sqrt(std::max(solver.eigenvalues()[k], floor));
      const Vector row = solver.eigenvectors().col(k) / deviation;
      phi.row(k) = row.transpose().cast<float>();
      // Of phi as it is stored, so that the centre lies where the mean does.
      map.center[static_cast<std::size_t>(group * features + k)] =
          static_cast<float>(phi.row(k).cast<double>().dot(mean));
    }
  });
  return map;
}

}  // namespace ofer
