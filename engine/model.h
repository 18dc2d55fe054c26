// The weights of a network: tensors that can be asked for by name and never change.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/dtype.h"
#include "engine/tensor.h"

namespace ofer {

// An immutable set of named tensors and a string map of metadata.
//
// Lifetime: held through std::shared_ptr<const Model>; the views that it hands out are valid as
// long as one such pointer lives. The memory belongs to `owner` (a mapped file, a Buffer, another
// Model's memory), which the Model keeps alive without knowing what it is.
// Thread rule: any number of threads and sessions may read one Model at once.
// The memory may be a read-only mapping: writing through a view is a fault.
class Model {
 public:
  using NamedTensor = std::pair<std::string, Tensor>;
  using Metadata = std::map<std::string, std::string, std::less<>>;

  // Throws kBadArgument for an undefined tensor and for a name that comes twice.
  Model(std::shared_ptr<const void> owner, std::vector<NamedTensor> tensors,
        Metadata metadata = {});

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  // The tensor of that name; throws kBadFile naming it when the model has none.
  Tensor find(std::string_view name) const;
  bool contains(std::string_view name) const { return index_.count(name) != 0; }

  // All tensors, in the order of the file.
  std::vector<NamedTensor>::const_iterator begin() const { return tensors_.begin(); }
  std::vector<NamedTensor>::const_iterator end() const { return tensors_.end(); }
  std::size_t size() const { return tensors_.size(); }

  // Bytes of all tensors together.
  std::size_t bytes() const;

  // The metadata of that key; throws kBadFile naming it when there is none.
  const std::string& metadata(std::string_view key) const;
  const Metadata& metadata() const { return metadata_; }

  // The same model with every floating tensor (f16, bf16, f32, f64) in `dtype`: f32, f64 or bf16.
  // Tensors that already have it, and integer tensors, are shared, not copied; the others get
  // memory of their own. Widening is exact; narrowing rounds to nearest, ties to even.
  std::shared_ptr<const Model> cast(DType dtype) const;

  // A copy of a model on the host in the memory of `device`, in one allocation. Throws kOutOfMemory.
  std::shared_ptr<const Model> on(Device device) const;

 private:
  std::shared_ptr<const void> owner_;
  std::vector<NamedTensor> tensors_;
  std::unordered_map<std::string_view, std::size_t> index_;  // its keys point into tensors_
  Metadata metadata_;
};

}  // namespace ofer
