// A checkpoint's elements, as floats or doubles in row-major order.
#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "engine/error.h"
#include "engine/half.h"
#include "weights/checkpoint.h"
#include "weights/checkpoint_content.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 16;

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  return value;
}

// Calls `body` with a function that widens the element at an address to a double, exactly, or to
// a float where that is exact.
template <class Body>
void with_element(std::string_view dtype_name, Body&& body) {
  if (dtype_name == "F32")
    body([](const std::byte* at) { return load<float>(at); });
  else if (dtype_name == "F64")
    body([](const std::byte* at) { return load<double>(at); });
  else if (dtype_name == "F16")
    body([](const std::byte* at) { return f16_to_float(load<std::uint16_t>(at)); });
  else if (dtype_name == "BF16")
    body([](const std::byte* at) { return bf16_to_float(load<std::uint16_t>(at)); });
  else
    fail(ErrorCode::kInternal, "internal error: numeric type ", dtype_name);
}

template <class T>
void read_contiguous(const CheckpointSource& source, const TensorPlace& place,
                     std::string_view dtype_name, std::uint64_t first, std::span<T> out) {
  const std::uint64_t width = place.element_bytes;
  std::uint64_t at = place.offset + first * width;
  if ((std::is_same_v<T, float> && dtype_name == "F32") ||
      (std::is_same_v<T, double> && dtype_name == "F64")) {
    source.read(at, std::as_writable_bytes(out));
    return;
  }
  alignas(64) std::array<std::byte, kPieceBytes> piece;
  const std::size_t most = kPieceBytes / width;
  with_element(dtype_name, [&](auto element) {
    for (std::size_t done = 0; done < out.size();) {
      const std::size_t count = std::min(most, out.size() - done);
      source.read(at, std::span(piece).first(count * width));
      for (std::size_t i = 0; i < count; ++i)
        out[done + i] = static_cast<T>(element(piece.data() + i * width));
      done += count;
      at += count * width;
    }
  });
}

template <class T>
void read_strided(const CheckpointSource& source, const TensorPlace& place, const Shape& shape,
                  std::string_view dtype_name, std::uint64_t first, std::span<T> out) {
  source.require_whole();
  const std::byte* const base = source.bytes().data() + place.offset;
  const std::uint64_t width = place.element_bytes;
  // Where `first` is: its index on every axis, and its distance from element 0.
  std::array<std::uint64_t, Shape::kMaxRank> index{};
  std::uint64_t distance = 0;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    const auto extent = static_cast<std::uint64_t>(shape[axis]);
    const auto a = static_cast<std::size_t>(axis);
    index[a] = first % extent;
    first /= extent;
    distance += index[a] * place.strides[a];
  }
  with_element(dtype_name, [&](auto element) {
    for (T& value : out) {
      value = static_cast<T>(element(base + distance * width));
      for (int axis = shape.rank() - 1; axis >= 0; --axis) {
        const auto a = static_cast<std::size_t>(axis);
        distance += place.strides[a];
        if (++index[a] < static_cast<std::uint64_t>(shape[axis])) break;
        distance -= index[a] * place.strides[a];
        index[a] = 0;
      }
    }
  });
}

template <class T>
void read_elements(const CheckpointSource& source, const TensorPlace& place,
                   const CheckpointTensor& tensor, std::int64_t first, std::span<T> out) {
  require(tensor.numeric, ErrorCode::kUnsupported, source.name(), ": tensor ",
          printable(tensor.name), " has elements of type ", tensor.dtype_name,
          ", which are not read as numbers");
  const auto elements = static_cast<std::uint64_t>(tensor.shape.elements());
  require(first >= 0 && static_cast<std::uint64_t>(first) <= elements &&
              out.size() <= elements - static_cast<std::uint64_t>(first),
          ErrorCode::kBadArgument, source.name(), ": tensor ", printable(tensor.name), " has ",
          elements, " elements; ", out.size(), " from ", first, " on were asked for");
  if (out.empty()) return;
  if (place.contiguous)
    read_contiguous(source, place, tensor.dtype_name, static_cast<std::uint64_t>(first), out);
  else
    read_strided(source, place, tensor.shape, tensor.dtype_name, static_cast<std::uint64_t>(first),
                 out);
}

}  // namespace

std::size_t Checkpoint::Content::number_of(const CheckpointTensor& tensor) const {
  const auto found = index.find(tensor.name);
  require(found != index.end(), ErrorCode::kBadArgument, name, ": no tensor ",
          printable(tensor.name));
  return found->second;
}

void Checkpoint::read(const CheckpointTensor& tensor, std::int64_t first,
                      std::span<float> out) const {
  const std::size_t number = content_->number_of(tensor);
  const TensorPlace& place = content_->places[number];
  read_elements(content_->sources[place.source], place, content_->tensors[number], first, out);
}

void Checkpoint::read(const CheckpointTensor& tensor, std::int64_t first,
                      std::span<double> out) const {
  const std::size_t number = content_->number_of(tensor);
  const TensorPlace& place = content_->places[number];
  read_elements(content_->sources[place.source], place, content_->tensors[number], first, out);
}

}  // namespace ofer
