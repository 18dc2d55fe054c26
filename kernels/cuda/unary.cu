// Functions of one element, with a constant or two, on a GPU. The function is the same for a whole
// launch, so its branch never parts the lanes of a warp.
#include "kernels/cuda/operations.cuh"
#include "kernels/cuda/pointwise.cuh"

namespace ofer::kernels::OFER_GPU {

namespace {

// y = f(x)
struct UnaryFunction {
  Unary function;
  float a, b;

  __device__ float operator()(float x) const {
    switch (function) {
      case Unary::kScale:
        return a * x + b;
      case Unary::kClamp: {  // NaN passes
        const float raised = x < a ? a : x;
        return raised > b ? b : raised;
      }
      case Unary::kSquare:
        return x * x;
      case Unary::kLog:
        return logf(x);
      case Unary::kExp:
        return expf(x);
      case Unary::kSqrt:
        return sqrtf(x);
      case Unary::kGreater:
        return x > a ? 1.0f : 0.0f;
    }
    return x;
  }
};

// dx = dy f'(x)
struct UnaryChain {
  Unary function;
  float a, b;

  __device__ float operator()(float dy, float x) const {
    switch (function) {
      case Unary::kScale:
        return a * dy;
      case Unary::kClamp:
        return x >= a && x <= b ? dy : 0.0f;
      case Unary::kSquare:
        return 2.0f * x * dy;
      case Unary::kLog:
        return dy / x;
      case Unary::kExp:
        return dy * expf(x);
      case Unary::kSqrt:
        return 0.5f * dy / sqrtf(x);
      case Unary::kGreater:
        break;
    }
    return 0.0f;
  }
};

}  // namespace

template <class T>
void unary(const UnaryArgs<T>& args, Stream& stream) {
  const UnaryFunction f{args.function, static_cast<float>(args.a), static_cast<float>(args.b)};
  map("unary", args.x, args.y, args.count, f, stream);
}

template <class T>
void unary_backward(const UnaryBackwardArgs<T>& args, Stream& stream) {
  const UnaryChain f{args.function, static_cast<float>(args.a), static_cast<float>(args.b)};
  zip("unary_backward", args.dy, args.x, args.dx, args.count, f, stream);
}

OFER_INSTANTIATE_GPU(unary, UnaryArgs)
OFER_INSTANTIATE_GPU_BF16(unary, UnaryArgs)
OFER_INSTANTIATE_GPU(unary_backward, UnaryBackwardArgs)
OFER_INSTANTIATE_GPU_BF16(unary_backward, UnaryBackwardArgs)

}  // namespace ofer::kernels::OFER_GPU
