// The extents of a tensor: up to 6 of them, held in place, products checked for overflow.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>

#include "engine/error.h"

namespace ofer {

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents) {
    for (std::int64_t extent : extents) push_back(extent);
  }

  int rank() const { return rank_; }

  // Extent of axis `axis`; negative axes count from the end.
  std::int64_t operator[](int axis) const { return extents_[at(axis)]; }
  std::int64_t& operator[](int axis) { return extents_[at(axis)]; }

  void push_back(std::int64_t extent) {
    require(rank_ < kMaxRank, ErrorCode::kBadArgument, "a tensor has at most 6 axes");
    require(extent >= 0, ErrorCode::kBadArgument, "negative extent ", extent);
    extents_[rank_++] = extent;
  }

  // Number of elements; 1 for rank 0. Throws when it does not fit in 63 bits.
  std::int64_t elements() const { return product(0, rank_); }

  // Product of the extents of axes [first, last).
  std::int64_t product(int first, int last) const {
    std::int64_t result = 1;
    for (int i = first; i < last; ++i) {
      if (extents_[i] != 0 && result > std::numeric_limits<std::int64_t>::max() / extents_[i])
        fail(ErrorCode::kBadArgument, "shape ", to_string(), " has too many elements");
      result *= extents_[i];
    }
    return result;
  }

  bool operator==(const Shape& other) const {
    if (rank_ != other.rank_) return false;
    for (int i = 0; i < rank_; ++i)
      if (extents_[i] != other.extents_[i]) return false;
    return true;
  }

  friend std::ostream& operator<<(std::ostream& out, const Shape& shape) {
    return out << shape.to_string();
  }

  std::string to_string() const {
    std::string text = "[";
    for (int i = 0; i < rank_; ++i) {
      if (i) text += ", ";
      text += std::to_string(extents_[i]);
    }
    return text + "]";
  }

 private:
  int at(int axis) const {
    const int index = axis < 0 ? axis + rank_ : axis;
    require(index >= 0 && index < rank_, ErrorCode::kBadArgument, "axis ", axis, " of shape ",
            *this);
    return index;
  }

  std::int64_t extents_[kMaxRank] = {};
  int rank_ = 0;
};

}  // namespace ofer
