// What PyTorch's pickles may name: storages, tensors, and a few things that are passed over.
#pragma once

#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "engine/shape.h"
#include "weights/pickle.h"
#include "weights/torch_types.h"

namespace ofer {

// A block of elements outside the pickle.
struct TorchStorage {
  std::string_view key;        // its name in the file; points into the pickle
  const TorchType* type;       // null: bytes without a type
  std::uint64_t elements = 0;  // bytes, where there is no type
  std::uint64_t bytes = 0;
};

// A view of a storage. Every element that shape and strides reach lies inside it.
struct TorchTensor {
  std::uint32_t storage = 0;
  const TorchType* type;
  Shape shape;
  std::uint64_t offset = 0;                // of element 0, in elements
  std::uint64_t strides[Shape::kMaxRank];  // in elements
};

// The names that tensors need, and nothing behind them: no call does more than put numbers into the
// structures above.
class TorchObjects : public PickleHost {
 public:
  // Larger than its storage by an axis that does not move; more elements than this such a tensor
  // may not have, since whoever reads it takes memory for all of them.
  static constexpr std::uint64_t kMaxExpanded = std::uint64_t{1} << 24;
  static constexpr std::size_t kMaxObjects = std::size_t{1} << 20;

  const std::vector<TorchStorage>& storages() const { return storages_; }
  // The tensor that a value is; null: it is something else.
  const TorchTensor* tensor(PickleValue value) const;
  // Number of the storage with a key; -1: there is none.
  std::int64_t find(std::string_view key) const;

  PickleValue global(Pickle& pickle, std::string_view module, std::string_view name) override;
  PickleValue call(Pickle& pickle, PickleValue callable, PickleValue arguments) override;
  void build(Pickle& pickle, PickleValue object, PickleValue state) override;
  PickleValue persistent(Pickle& pickle, PickleValue id) override;

 private:
  // A part of a storage, all of it but in files of very old versions.
  struct View {
    std::uint32_t storage;
    std::uint64_t offset, elements;
  };

  PickleValue rebuild_tensor(Pickle& pickle, std::span<const PickleValue> arguments,
                             const TorchType* type);
  std::uint32_t add_storage(Pickle& pickle, std::span<const PickleValue> id);

  std::vector<TorchStorage> storages_;
  std::map<std::string_view, std::uint32_t> by_key_;
  std::vector<View> views_;
  std::vector<TorchTensor> tensors_;
};

}  // namespace ofer
