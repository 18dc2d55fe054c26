// Reverse-mode differentiation: the record of a forward pass, and the walk back through it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "engine/tensor.h"

namespace ofer {

class Session;

// A tape belongs to one session. An operation records itself only when one of its inputs is watched
// or depends on a watched tensor, so recording starts at the first watched tensor and costs nothing
// before it. Everything recorded must stay in memory until backward() has run: hold the workspace
// (Workspace::Hold) around both. After the first pass of its kind a tape allocates nothing.
// Used by one thread at a time.
class Tape {
 public:
  Tape() = default;
  ~Tape() { clear(); }
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // Gradients of `tensor` are wanted from here on. A tensor that already depends on a watched one
  // keeps its node.
  void watch(Tensor& tensor);

  // Watches memory rather than one view of it: any tensor that starts at `parameter`'s address is
  // this parameter (weights, whose layers hold views of their own).
  void watch_parameter(const Tensor& parameter);

  // Does the gradient of anything watched flow through `tensor`? Never while backward() runs.
  bool follows(const Tensor& tensor) const { return !walking_ && node_of(tensor) != 0; }
  // The same question, for a recorded step that asks which of its inputs want a gradient.
  bool wants(const Tensor& input) const { return node_of(input) != 0; }

  // Records that `output` came from tensors this tape follows. `step(session, gradient)` is called
  // on the way back with the gradient of `output` and hands its inputs theirs through add_gradient.
  template <class Step>
  void record(Tensor& output, Step step) {
    struct Record final : Node {
      explicit Record(Step&& s) : step(std::move(s)) {}
      void run(Session& session, const Tensor& gradient) override { step(session, gradient); }
      Step step;
    };
    output.set_node(new_node());
    Node* node = new (carve(sizeof(Record), alignof(Record))) Record(std::move(step));
    node->output = output.node();
    node->shape = output.shape();
    steps_.push_back(node);
  }

  // Walks back from `root`, whose gradient is `seed` (same shape).
  void backward(Session& session, const Tensor& root, const Tensor& seed);

  // Adds to the gradient of `input`; nothing happens when it is not followed. `gradient` may be
  // another tensor's gradient too (it is never written to when `shared`).
  void add_gradient(Session& session, const Tensor& input, const Tensor& gradient,
                    bool shared = false);

  // The gradient that reached `tensor`, in its shape; undefined when none did.
  Tensor gradient(const Tensor& tensor) const;

  // Forgets the recorded pass and everything watched; keeps the memory.
  void clear();

 private:
  struct Node {
    virtual ~Node() = default;
    virtual void run(Session& session, const Tensor& gradient) = 0;
    std::uint32_t output = 0;
    Shape shape;
  };
  struct Gradient {
    Tensor tensor;
    bool shared = false;
  };

  std::uint32_t node_of(const Tensor& tensor) const;
  std::uint32_t new_node();
  void* carve(std::size_t bytes, std::size_t alignment);

  std::vector<Node*> steps_;
  std::vector<Gradient> gradients_;  // by node; [0] is unused
  std::unordered_map<const void*, std::uint32_t> parameters_;
  // Memory of the steps: blocks that are kept from pass to pass.
  struct Block {
    std::unique_ptr<std::byte[]> memory;
    std::size_t size = 0;
  };
  std::vector<Block> blocks_;
  std::size_t block_ = 0, used_ = 0;
  bool walking_ = false;
};

}  // namespace ofer
