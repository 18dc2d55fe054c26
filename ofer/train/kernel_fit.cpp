#include "ofer/train/kernel_fit.h"

#include <cmath>
#include <memory>

#include "engine/error.h"

#ifdef OFER_LIBSVM
#include <svm.h>
#endif

namespace ofer {

#ifdef OFER_LIBSVM

bool kernel_fit_available() {
  return true;
}

KernelFit fit_kernel_svdd(std::span<const float> z, std::int64_t count, double gamma, double nu) {
  require(count >= 2, ErrorCode::kBadArgument, "a kernel sphere cannot be fitted to ", count,
          " latents");
  const auto rows = static_cast<std::size_t>(count), width = z.size() / rows;
  // Each vector as its list of (number from 1, value), ended by number -1.
  std::vector<svm_node> nodes(rows * (width + 1));
  std::vector<svm_node*> vectors(rows);
  std::vector<double> labels(rows, 1);
  for (std::size_t i = 0; i < rows; ++i) {
    svm_node* node = nodes.data() + i * (width + 1);
    vectors[i] = node;
    for (std::size_t k = 0; k < width; ++k) {
      const float value = z[i * width + k];
      require(std::isfinite(value), ErrorCode::kBadArgument,
              "a latent is not finite; the encoder's weights are damaged or trained astray");
      node[k] = {static_cast<int>(k) + 1, double{value}};
    }
    node[width] = {-1, 0};
  }
  const svm_problem problem = {static_cast<int>(count), labels.data(), vectors.data()};
  svm_parameter parameter = {};
  parameter.svm_type = ONE_CLASS;
  parameter.kernel_type = RBF;
  parameter.gamma = gamma;
  parameter.nu = nu;
  parameter.cache_size = 256;  // MB
  parameter.eps = 1e-4;
  parameter.shrinking = 1;
  if (const char* problem_text = svm_check_parameter(&problem, &parameter))
    fail(ErrorCode::kBadArgument, "a kernel sphere cannot be fitted: ", problem_text);
  svm_set_print_string_function([](const char*) {});
  struct Free {
    void operator()(svm_model* model) const { svm_free_and_destroy_model(&model); }
  };
  const std::unique_ptr<svm_model, Free> model(svm_train(&problem, &parameter));
  double sum = 0;
  for (int j = 0; j < model->l; ++j) sum += model->sv_coef[0][j];
  KernelFit fit;
  for (int j = 0; j < model->l; ++j) {
    fit.alpha.push_back(static_cast<float>(model->sv_coef[0][j] / sum));
    const auto row = static_cast<std::size_t>(model->sv_indices[j] - 1);
    fit.support.insert(fit.support.end(), z.begin() + static_cast<std::ptrdiff_t>(row * width),
                       z.begin() + static_cast<std::ptrdiff_t>((row + 1) * width));
  }
  return fit;
}

#else

bool kernel_fit_available() {
  return false;
}

KernelFit fit_kernel_svdd(std::span<const float>, std::int64_t, double, double) {
  fail(ErrorCode::kUnsupported,
       "kernel spheres are fitted by libsvm, which this program was built without; install "
       "libsvm-dev and build again");
}

#endif

}  // namespace ofer
