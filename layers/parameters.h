// Where a layer finds its weights: a model and a prefix of names.
#pragma once

#include <string>
#include <string_view>

#include "engine/model.h"

namespace ofer::layers {

// A view; the model must outlive every layer made from it.
class Parameters {
 public:
  explicit Parameters(const Model& model, std::string prefix = {})
      : model_(&model), prefix_(std::move(prefix)) {}

  // Throws kBadFile naming the tensor when the model has none of that name.
  Tensor operator()(std::string_view name) const { return model_->find(join(name)); }
  bool contains(std::string_view name) const { return model_->contains(join(name)); }
  // The tensor, or an undefined one.
  Tensor optional(std::string_view name) const {
    return contains(name) ? (*this)(name) : Tensor{};
  }
  Parameters child(std::string_view name) const { return Parameters(*model_, join(name)); }
  // child("block", 3, 2) is "block03".
  Parameters child(std::string_view name, int number, int digits = 1) const {
    std::string text = std::to_string(number);
    if (text.size() < static_cast<std::size_t>(digits))
      text.insert(0, static_cast<std::size_t>(digits) - text.size(), '0');
    return child(std::string(name) + text);
  }

 private:
  std::string join(std::string_view name) const {
    return prefix_.empty() ? std::string(name) : prefix_ + "." + std::string(name);
  }

  const Model* model_;
  std::string prefix_;
};

}  // namespace ofer::layers
