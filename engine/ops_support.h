// What the files of operations share: checks, dispatch on the element type, and the call itself.
#pragma once

#include <string_view>

#include "engine/error.h"
#include "engine/ops.h"
#include "engine/session.h"
#include "engine/tape.h"
#include "kernels/table.h"

namespace ofer::ops {

// Calls body.template operator()<T>() with T the type of `dtype`.
template <class Body>
void dispatch(DType dtype, Body&& body) {
  if (dtype == DType::kF32)
    body.template operator()<float>();
  else if (dtype == DType::kBF16)
    body.template operator()<kernels::BFloat16>();
  else if (dtype == DType::kF64)
    body.template operator()<double>();
  else
    fail(ErrorCode::kBadArgument, "operations compute in f32, bf16 or f64, not ", name_of(dtype));
}

template <class T>
const kernels::Table<T>& table_of(const Backend& backend) {
  if constexpr (std::is_same_v<T, float>)
    return *backend.f32;
  else if constexpr (std::is_same_v<T, kernels::BFloat16>)
    return *backend.bf16;
  else
    return *backend.f64;
}

// Runs one row of the backend's table, unless the pass is only being counted.
template <class T, class Args>
void call(Session& session, std::string_view name,
          void (*kernels::Table<T>::*row)(const Args&, kernels::Stream&), const Args& args) {
  const auto function = table_of<T>(session.backend()).*row;
  require(function != nullptr, ErrorCode::kUnsupported, "operation ", name,
          " is not available on ", session.backend().name);
  if (!session.counting()) on_device([&] { function(args, session.stream()); });
}
#define OFER_CALL(session, name, ...) \
  ::ofer::ops::call<T>(session, #name, &kernels::Table<T>::name, __VA_ARGS__)

// The tape, when it follows one of the inputs; else null.
inline Tape* follows(Session& session, std::initializer_list<const Tensor*> inputs) {
  Tape* tape = session.tape();
  if (!tape) return nullptr;
  for (const Tensor* input : inputs)
    if (tape->follows(*input)) return tape;
  return nullptr;
}

// The tensor takes part in an operation of this session: defined, on its device, of its type.
inline void check_input(Session& session, const Tensor& tensor, const char* operation,
                        const char* what) {
  require(tensor.defined(), ErrorCode::kBadArgument, operation, ": ", what, " is undefined");
  require(tensor.dtype() == session.dtype(), ErrorCode::kBadArgument, operation, ": ", what, " is ",
          name_of(tensor.dtype()), ", the session computes in ", name_of(session.dtype()));
  require(tensor.device() == session.device(), ErrorCode::kBadArgument, operation, ": ", what,
          " is on ", name_of(tensor.device().kind), ", the session on ",
          name_of(session.device().kind));
}

inline void check_shape(const Tensor& tensor, const Shape& shape, const char* operation,
                        const char* what) {
  require(tensor.shape() == shape, ErrorCode::kBadArgument, operation, ": ", what, " has shape ",
          tensor.shape(), ", expected ", shape);
}

inline void check_rank(const Tensor& tensor, int least, int most, const char* operation,
                       const char* what) {
  require(tensor.rank() >= least && tensor.rank() <= most, ErrorCode::kBadArgument, operation, ": ",
          what, " has shape ", tensor.shape(), ", expected ", least,
          most > least ? " or more" : "", " axes");
}

// Axis counted from the front.
inline int axis_of(const Tensor& tensor, int axis) {
  const int result = axis < 0 ? axis + tensor.rank() : axis;
  require(result >= 0 && result < tensor.rank(), ErrorCode::kBadArgument, "axis ", axis,
          " of a tensor of shape ", tensor.shape());
  return result;
}

// A tensor of one gradient, only where somebody wants it.
inline Tensor gradient_for(Session& session, const Tensor& input) {
  return session.tape() && input.defined() && session.tape()->wants(input)
             ? session.allocate(input.shape())
             : Tensor{};
}

}  // namespace ofer::ops
