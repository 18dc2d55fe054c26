// The memory of everything a session computes: a stack that is counted once and then carved.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/buffer.h"
#include "engine/tensor.h"

namespace ofer {

// A stack of tensors. A forward pass allocates on top; a Scope gives everything above its start
// back when it ends. The same code is run twice: once counting (addresses are made up, nothing may
// be touched), which finds the peak, and then, after reserve(peak), for real. Counted with the
// largest shapes, a pass with smaller ones fits as well, since a stack has no holes. Should a pass
// need more than was reserved, another block is allocated and counted in `growths()`; a warm
// session has none. Used by one thread at a time.
class Workspace {
 public:
  explicit Workspace(Device device) : device_(device) {}

  // From here on carves `bytes` of the caller's at `memory`, which is the device's and aligned to
  // 64 bytes (kBadArgument), and takes no other: what needs more throws kOutOfMemory. Null: memory
  // of its own again. The stack must be empty.
  void lend(void* memory, std::size_t bytes);

  // A tensor on top of the stack, uninitialised, aligned to 64 bytes.
  Tensor allocate(const Shape& shape, DType dtype);

  // Makes sure that `bytes` can be carved without another allocation (kOutOfMemory). The stack must
  // be empty.
  void reserve(std::size_t bytes);

  // Counting: from begin to end, allocations have made-up addresses and only their extent counts.
  // The stack must be empty at both. end_counting returns the peak in bytes.
  void begin_counting();
  std::size_t end_counting();
  bool counting() const { return counting_; }

  // Everything allocated after the scope's start is given back at its end, unless the workspace is
  // held (a tape may still need it).
  class Scope {
   public:
    explicit Scope(Workspace& workspace)
        : workspace_(workspace), block_(workspace.block_), used_(workspace.used_) {}
    ~Scope() {
      if (workspace_.held_ == 0) workspace_.release(block_, used_);
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Workspace& workspace_;
    std::size_t block_, used_;
  };

  // While one of these lives, inner scopes give nothing back; at its end everything since its start
  // is given back at once.
  class Hold {
   public:
    explicit Hold(Workspace& workspace)
        : workspace_(workspace), block_(workspace.block_), used_(workspace.used_) {
      ++workspace_.held_;
    }
    ~Hold() {
      if (--workspace_.held_ == 0) workspace_.release(block_, used_);
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Workspace& workspace_;
    std::size_t block_, used_;
  };

  // A height of the stack. back_to() takes it there from below as well: what a section allocated
  // when it was first run is allocated again.
  struct Mark {
    std::size_t block = 0, used = 0;
    bool operator==(const Mark&) const = default;
  };
  Mark mark() const { return {block_, used_}; }
  void back_to(const Mark& mark) { release(mark.block, mark.used); }
  // How often reserve() has moved the stack: addresses from before are void.
  std::size_t moves() const { return moves_; }

  std::size_t reserved() const;                     // bytes of all blocks
  std::size_t growths() const { return growths_; }  // blocks added since the last reserve()

 private:
  void release(std::size_t block, std::size_t used) {
    block_ = block;
    used_ = used;
  }

  struct Block {
    char* data = nullptr;
    std::size_t size = 0;
    Buffer own;  // empty: lent
  };
  void add_block(std::size_t bytes);

  Device device_;
  bool lent_ = false;
  std::vector<Block> blocks_;
  std::size_t block_ = 0;  // the block that is being carved
  std::size_t used_ = 0;   // bytes of it, or, while counting, of the whole stack
  std::size_t peak_ = 0;
  std::size_t growths_ = 0;
  std::size_t moves_ = 0;
  int held_ = 0;
  bool counting_ = false;
};

}  // namespace ofer
