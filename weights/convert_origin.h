// Where each of our tensors comes from, and its numbers. Private to the converter.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "weights/convert.h"
#include "weights/convert_sizes.h"
#include "weights/tensor_table.h"

namespace ofer {

// One tensor of ours, in the shape of structure "layers".
struct TensorOrigin {
  Shape shape;
  NameForm form = NameForm::kSame;
  const ConvertSource* source = nullptr;        // null: drawn at random
  std::vector<const CheckpointTensor*> theirs;  // empty with a source: a constant form, or `number`
  std::optional<double> number;                 // a plain number in place of a tensor
  std::int64_t split = 0;  // kRotated, kBehindZeros: our columns in front of the features'
  TensorFill fill;         // without a source
};

// Their tensor in the form our shape asks for? "" or what is wrong with it.
std::string misfit(const TensorOrigin& origin);

// The numbers of all of them. Any number of threads may read.
class ConvertInput final : public FoldInput {
 public:
  std::map<std::string, TensorOrigin, std::less<>> origins;

  Shape shape(const std::string& name) const override;
  // Throws kBadFile for a number that is not finite, naming their tensor.
  void read(const std::string& name, std::int64_t first, std::span<double> out) const override;
};

}  // namespace ofer
