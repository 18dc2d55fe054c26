#include "weights/convert_origin.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "layers/norm.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

// Without the extents of 1 in front: [1, 1, D] is [D], and [1] is [].
Shape unwrapped(const Shape& shape) {
  int first = 0;
  while (first < shape.rank() && shape[first] == 1) ++first;
  Shape rest;
  for (int axis = first; axis < shape.rank(); ++axis) rest.push_back(shape[axis]);
  return rest;
}

std::int64_t rows_of(const CheckpointTensor& tensor) {
  return tensor.shape[0];
}

// [3 D, D] of three [D, D]: the same but for the first axis, which adds up.
bool stacks(const TensorOrigin& origin) {
  std::int64_t rows = 0;
  for (const CheckpointTensor* tensor : origin.theirs) {
    if (tensor->shape.rank() != origin.shape.rank()) return false;
    for (int axis = 1; axis < origin.shape.rank(); ++axis)
      if (tensor->shape[axis] != origin.shape[axis]) return false;
    rows += rows_of(*tensor);
  }
  return rows == origin.shape[0];
}

bool fits(const TensorOrigin& origin) {
  const Shape& theirs = origin.theirs.front()->shape;
  switch (origin.form) {
    case NameForm::kUnwrapped:
      return unwrapped(theirs) == unwrapped(origin.shape);
    case NameForm::kStacked:
      return stacks(origin);
    case NameForm::kBehindZeros:
      return theirs.rank() == 2 && theirs[0] == origin.shape[0] &&
             theirs[1] == origin.shape[1] - origin.split;
    default:
      return theirs == origin.shape;
  }
}

class Numbers {
 public:
  Numbers(const TensorOrigin& origin, std::int64_t first, std::span<double> out)
      : origin_(origin), first_(first), out_(out) {}

  void read() const {
    if (!origin_.source) return draw();
    if (origin_.number) return fill_with(*origin_.number);
    switch (origin_.form) {
      case NameForm::kSame:
      case NameForm::kUnwrapped:
        return take(*origin_.theirs.front(), first_, out_);
      case NameForm::kStacked:
        return stacked();
      case NameForm::kRotated:
        return by_rows(origin_.theirs.front()->shape[1] - origin_.split);
      case NameForm::kBehindZeros:
        return by_rows(0);
      case NameForm::kZero:
        return fill_with(0);
      case NameForm::kOne:
        return fill_with(1);
      case NameForm::kUnitVariance:
        return fill_with(1 - layers::BatchNorm::kEps);
      case NameForm::kIdentity:
        fill_with(0);
        for (std::int64_t i = 0; i < size(); ++i)
          if ((first_ + i) % (origin_.shape[1] + 1) == 0) out_[static_cast<std::size_t>(i)] = 1;
        return;
    }
  }

 private:
  std::int64_t size() const { return static_cast<std::int64_t>(out_.size()); }
  void fill_with(double value) const { std::fill(out_.begin(), out_.end(), value); }

  void draw() const {
    std::vector<float> values(out_.size());
    origin_.fill(static_cast<std::uint64_t>(first_) * sizeof(float),
                 std::as_writable_bytes(std::span(values)));
    std::copy(values.begin(), values.end(), out_.begin());
  }

  void take(const CheckpointTensor& tensor, std::int64_t first, std::span<double> out) const {
    origin_.source->read(tensor, first, out);
    const auto wrong =
        std::find_if(out.begin(), out.end(), [](double value) { return !std::isfinite(value); });
    if (wrong != out.end())
      fail(ErrorCode::kBadFile, origin_.source->name(), ": tensor ", printable(tensor.name),
           " holds ", *wrong, " at element ", first + (wrong - out.begin()));
  }

  void stacked() const {
    std::int64_t begin = 0;  // of their tensor, in ours
    for (const CheckpointTensor* tensor : origin_.theirs) {
      const std::int64_t end = begin + tensor->shape.elements();
      const std::int64_t from = std::max(begin, first_), to = std::min(end, first_ + size());
      if (from < to) take(*tensor, from - begin, part(from, to));
      begin = end;
    }
  }

  // Row by row: our columns from `split` on are their first ones; ours in front of it are theirs
  // from `behind` on, or zeros where theirs has no more.
  void by_rows(std::int64_t behind) const {
    const CheckpointTensor& tensor = *origin_.theirs.front();
    const std::int64_t width = origin_.shape[1], their_width = tensor.shape[1];
    const bool zeros = origin_.form == NameForm::kBehindZeros;
    for (std::int64_t at = first_; at < first_ + size();) {
      const std::int64_t row = at / width, column = at % width;
      const bool in_front = column < origin_.split;
      const std::int64_t end =
          std::min(first_ + size(), row * width + (in_front ? origin_.split : width));
      const std::span<double> out = part(at, end);
      if (in_front && zeros)
        std::fill(out.begin(), out.end(), 0.0);
      else
        take(tensor, row * their_width + (in_front ? behind + column : column - origin_.split),
             out);
      at = end;
    }
  }

  // Of the output, what elements [from, to) of our tensor are.
  std::span<double> part(std::int64_t from, std::int64_t to) const {
    return out_.subspan(static_cast<std::size_t>(from - first_),
                        static_cast<std::size_t>(to - from));
  }

  const TensorOrigin& origin_;
  std::int64_t first_;
  std::span<double> out_;
};

}  // namespace

std::string misfit(const TensorOrigin& origin) {
  if (origin.theirs.empty()) return "";
  for (const CheckpointTensor* tensor : origin.theirs)
    if (!tensor->numeric)
      return message(printable(tensor->name), " has elements of type ", tensor->dtype_name);
  if (fits(origin)) return "";
  std::string shapes;
  for (const CheckpointTensor* tensor : origin.theirs)
    shapes += message(shapes.empty() ? "" : ", ", printable(tensor->name), " is ", tensor->shape);
  return message(shapes, origin.form == NameForm::kSame ? " instead of " : "; wanted for ",
                 origin.shape);
}

Shape ConvertInput::shape(const std::string& name) const {
  const auto found = origins.find(name);
  return found == origins.end() ? Shape() : found->second.shape;
}

void ConvertInput::read(const std::string& name, std::int64_t first, std::span<double> out) const {
  const auto found = origins.find(name);
  OFER_ASSERT(found != origins.end());
  Numbers(found->second, first, out).read();
}

}  // namespace ofer
