#include "weights/torch_listing.h"

#include <string_view>
#include <utility>

#include "engine/error.h"
#include "weights/file_text.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

using Kind = PickleValue::Kind;

constexpr std::string_view kWrappers[] = {"model", "state_dict", "model_state_dict"};
constexpr int kMaxDepth = 32;
constexpr std::size_t kMaxName = 1024;  // bytes of a tensor's name

class Lister {
 public:
  Lister(const Pickle& pickle, const TorchObjects& objects,
         const std::vector<std::uint64_t>& storage_offsets, const std::string& file)
      : pickle_(pickle),
        objects_(objects),
        storage_offsets_(storage_offsets),
        file_(file),
        // References to one dictionary from many places can make a small pickle's list long without
        // end. An honest list has fewer names, and shorter ones, than the pickle has bytes.
        budget_(4 * pickle.size() + 4096) {}

  CheckpointPart list() {
    PickleValue value = pickle_.top();
    require(value.is(Kind::kDict), ErrorCode::kBadFile, file_, ": holds ", top_kind(value),
            ", not a dictionary of tensors; in Python, save model.state_dict()");
    for (int depth = 0;; ++depth) {
      require(depth < kMaxDepth, ErrorCode::kBadFile, file_, ": wrapped more than ", kMaxDepth,
              " times");
      const PickleValue* inner = wrapped(value);
      if (!inner) break;
      value = *inner;
    }
    walk(value, "", 0);
    return std::move(part_);
  }

 private:
  const char* top_kind(PickleValue value) const {
    return objects_.tensor(value) ? "one tensor" : describe(value.kind);
  }

  // The dictionary inside a wrapper; null: `value` is none.
  const PickleValue* wrapped(PickleValue value) const {
    const auto items = pickle_.items(value);
    for (std::string_view name : kWrappers)
      for (std::size_t i = 0; i < items.size(); i += 2)
        if (items[i].is(Kind::kText) && pickle_.text(items[i]) == name &&
            items[i + 1].is(Kind::kDict))
          return &items[i + 1];
    return nullptr;
  }

  void spend(std::size_t bytes) {
    require(bytes <= budget_, ErrorCode::kBadFile, file_,
            ": its dictionaries refer to each other so often that listing them would have no end");
    budget_ -= bytes;
  }

  void walk(PickleValue container, const std::string& prefix, int depth) {
    require(depth < kMaxDepth, ErrorCode::kBadFile, file_, ": dictionaries nested deeper than ",
            kMaxDepth);
    const auto items = pickle_.items(container);
    if (container.is(Kind::kDict)) {
      for (std::size_t i = 0; i < items.size(); i += 2)
        visit(items[i], items[i + 1], prefix, depth);
    } else {
      for (std::size_t i = 0; i < items.size(); ++i)
        if (!items[i].is(Kind::kInteger) && !items[i].is(Kind::kFloat))  // lists of plain numbers
          visit({Kind::kInteger, 0, i}, items[i], prefix, depth);
    }
  }

  void visit(PickleValue key, PickleValue value, const std::string& prefix, int depth) {
    const TorchTensor* tensor = objects_.tensor(value);
    const bool number = value.is(Kind::kInteger) || value.is(Kind::kFloat);
    const bool container = value.is(Kind::kDict) || value.is(Kind::kList) || value.is(Kind::kTuple);
    spend(1);
    if (!tensor && !number && !container) return;
    const std::string name = name_of(key, prefix);
    spend(name.size());
    if (tensor) {
      add(name, *tensor);
    } else if (number) {
      part_.numbers.emplace_back(
          name, value.is(Kind::kFloat) ? value.real() : static_cast<double>(value.integer()));
    } else {
      walk(value, name + ".", depth + 1);
    }
  }

  std::string name_of(PickleValue key, const std::string& prefix) const {
    require(key.is(Kind::kText) || key.is(Kind::kInteger), ErrorCode::kBadFile, file_,
            ": a dictionary has ", describe(key.kind), " as a key, not text");
    if (key.is(Kind::kInteger)) return prefix + std::to_string(key.integer());
    const std::string_view text = pickle_.text(key);
    require(text.size() + prefix.size() <= kMaxName, ErrorCode::kBadFile, file_, ": the name ",
            printable(text), " is longer than ", kMaxName, " bytes");
    require(is_plain_text(text), ErrorCode::kBadFile, file_, ": the name ", printable(text),
            " is empty, not UTF-8, or holds control characters");
    return prefix + std::string(text);
  }

  void add(const std::string& name, const TorchTensor& tensor) {
    CheckpointTensor listed;
    listed.name = name;
    listed.shape = tensor.shape;
    listed.dtype_name = tensor.type->name;
    listed.numeric = tensor.type->numeric;
    TensorPlace place;
    place.element_bytes = tensor.type->bytes;
    std::uint64_t expected = 1;
    for (int axis = tensor.shape.rank() - 1; axis >= 0; --axis) {
      place.strides[static_cast<std::size_t>(axis)] = tensor.strides[axis];
      if (tensor.shape[axis] != 1 && tensor.strides[axis] != expected) place.contiguous = false;
      expected *= static_cast<std::uint64_t>(tensor.shape[axis]);
    }
    if (tensor.shape.elements() > 0)
      place.offset = storage_offsets_[tensor.storage] + tensor.offset * place.element_bytes;
    part_.tensors.push_back(std::move(listed));
    part_.places.push_back(place);
  }

  const Pickle& pickle_;
  const TorchObjects& objects_;
  const std::vector<std::uint64_t>& storage_offsets_;
  const std::string& file_;
  std::size_t budget_;
  CheckpointPart part_;
};

}  // namespace

CheckpointPart list_tensors(const Pickle& pickle, const TorchObjects& objects,
                            const std::vector<std::uint64_t>& storage_offsets,
                            const std::string& file) {
  return Lister(pickle, objects, storage_offsets, file).list();
}

}  // namespace ofer
