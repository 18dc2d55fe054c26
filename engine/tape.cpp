#include "engine/tape.h"

#include <algorithm>

#include "engine/ops.h"
#include "engine/session.h"

namespace ofer {

namespace {
constexpr std::size_t kBlockBytes = std::size_t{64} << 10;
}

std::uint32_t Tape::new_node() {
  if (gradients_.empty()) gradients_.emplace_back();
  gradients_.emplace_back();
  return static_cast<std::uint32_t>(gradients_.size() - 1);
}

std::uint32_t Tape::node_of(const Tensor& tensor) const {
  if (tensor.node() != 0) return tensor.node();
  if (parameters_.empty() || !tensor.raw()) return 0;
  const auto found = parameters_.find(tensor.raw());
  return found == parameters_.end() ? 0 : found->second;
}

void Tape::watch(Tensor& tensor) {
  if (tensor.node() == 0) tensor.set_node(new_node());
}

void Tape::watch_parameter(const Tensor& parameter) {
  require(parameter.raw() != nullptr, ErrorCode::kBadArgument, "an undefined parameter");
  if (!parameters_.contains(parameter.raw())) parameters_.emplace(parameter.raw(), new_node());
}

void Tape::backward(Session& session, const Tensor& root, const Tensor& seed) {
  require(node_of(root) != 0, ErrorCode::kBadArgument,
          "backward: the result does not depend on any watched tensor");
  require(root.shape() == seed.shape(), ErrorCode::kBadArgument, "backward: gradient of shape ",
          seed.shape(), " for a result of shape ", root.shape());
  walking_ = true;
  struct Stop {
    bool& flag;
    ~Stop() { flag = false; }
  } stop{walking_};
  gradients_[node_of(root)] = {seed, true};
  for (std::size_t i = steps_.size(); i-- > 0;) {
    Node& node = *steps_[i];
    const Gradient gradient = gradients_[node.output];
    if (gradient.tensor.defined()) node.run(session, gradient.tensor.view(node.shape));
  }
}

void Tape::add_gradient(Session& session, const Tensor& input, const Tensor& gradient,
                        bool shared) {
  const std::uint32_t node = node_of(input);
  if (node == 0) return;
  OFER_ASSERT(gradient.elements() == input.elements());
  Gradient& sum = gradients_[node];
  if (!sum.tensor.defined()) {
    sum = {gradient, shared};
    sum.tensor.set_node(0);
    return;
  }
  const Tensor term = gradient.view(sum.tensor.shape());
  if (sum.shared) {
    sum = {ops::add(session, sum.tensor, term), false};
  } else {
    ops::accumulate(session, term, sum.tensor);
  }
}

Tensor Tape::gradient(const Tensor& tensor) const {
  const std::uint32_t node = node_of(tensor);
  if (node == 0 || !gradients_[node].tensor.defined()) return {};
  return gradients_[node].tensor.view(tensor.shape());
}

void Tape::clear() {
  for (Node* node : steps_) node->~Node();
  steps_.clear();
  gradients_.clear();
  parameters_.clear();
  block_ = used_ = 0;
}

void* Tape::carve(std::size_t bytes, std::size_t alignment) {
  for (;;) {
    if (block_ == blocks_.size()) {
      const std::size_t size = std::max(kBlockBytes, bytes + alignment);
      blocks_.push_back({std::make_unique<std::byte[]>(size), size});
    }
    Block& block = blocks_[block_];
    const std::size_t begin = (used_ + alignment - 1) / alignment * alignment;
    if (begin + bytes <= block.size) {
      used_ = begin + bytes;
      return block.memory.get() + begin;
    }
    ++block_;
    used_ = 0;
  }
}

}  // namespace ofer
