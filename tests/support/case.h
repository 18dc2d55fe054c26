// What every row of a case list has, and how it names its operation.
//
// A case is a struct of named shape parameters with
//   name, seed              what a failure says, and what its numbers are drawn from
//   bind(Buffers<T>&)       asks for the buffers and returns the operation's arguments
//   flops()                 additions, multiplications and function calls of the formula
//   list()                  the cases that tests walk; benchmarks(): the sizes of a full model
// A forward case may have
//   with_images(n)          the same case for n images, for operations that treat images apart
//   kMoves                  a constant, where numbers are moved and compared but not computed with:
//                           positions and flags are right in coarse types as well
// and a backward case has
//   bind_forward(Buffers<double>&)   the forward call whose gradient is checked
//   reduction()             length of the longest sum behind one gradient element
// and, where a gradient is a difference that may cancel altogether,
//   terms(result, values)   size of the terms that are subtracted
// Either may have
//   ill_conditioned         true where the data lets no algorithm in float keep the stated
//                           tolerance (tolerance.h); the reason stands beside it
//   bfloat16_error()        how many times the error of the exact result, rounded once, a bfloat16
//                           result may have; without it, 1 (check_precision.h)
//   tf32_operands()         the inputs that its kernel rounds in tf32, and
//   tf32_error()            how far it may be, relative in L2, from the result of those rounded
// The compulsory bytes of a case are those of its buffers (Buffers::compulsory_bytes).
#pragma once

#include <string>
#include <vector>

#include "kernels/table.h"
#include "tests/oracle/oracle.h"
#include "tests/support/buffers.h"

#define OFER_FORWARD_CASE(operation)                    \
  static constexpr const char* kOperation = #operation; \
  template <class T>                                    \
  static auto entry(const kernels::Table<T>& table) {   \
    return table.operation;                             \
  }                                                     \
  template <class Args>                                 \
  static void reference(const Args& args) {             \
    oracle::operation(args);                            \
  }

// `differentiated` is the function that the backward operation is the gradient of: the forward one,
// but where a header declares some of its intermediate results constant.
#define OFER_BACKWARD_CASE_OF(operation, forward_operation, differentiated_function) \
  static constexpr const char* kOperation = #operation;                              \
  template <class T>                                                                 \
  static auto entry(const kernels::Table<T>& table) {                                \
    return table.operation;                                                          \
  }                                                                                  \
  template <class T>                                                                 \
  static auto forward_entry(const kernels::Table<T>& table) {                        \
    return table.forward_operation;                                                  \
  }                                                                                  \
  template <class Args>                                                              \
  static void reference(const Args& args) {                                          \
    oracle::forward_operation(args);                                                 \
  }                                                                                  \
  template <class Args>                                                              \
  static void differentiated(const Args& args) {                                     \
    oracle::differentiated_function(args);                                           \
  }
#define OFER_BACKWARD_CASE(operation, forward_operation) \
  OFER_BACKWARD_CASE_OF(operation, forward_operation, forward_operation)

namespace ofer::test {

// A float's sums, taken in any order and with the few guard bits that tensor cores have.
constexpr double kTensorSumTolerance = 2e-5;

// Cases alternate between buffers that start where an allocation does and one element further.
inline bool misaligned(std::uint64_t seed) {
  return seed % 2 == 0;
}

}  // namespace ofer::test
