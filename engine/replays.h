// Sections of a pass that a device plays again instead of being told anew.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <vector>

#include "engine/function_ref.h"
#include "engine/session.h"

namespace ofer {

// A section is code that only queues work on a session: it copies nothing to or from the host,
// waits for nothing, and what it queues depends on its key alone. On a stream that can capture
// (CUDA graphs) the first run of a key is an ordinary one, which lets scratch memory grow; the
// second is noted and played; later ones are only played, which costs the host one call for
// hundreds of kernels. Everywhere else, and while taps or operations are watched or a pass is
// counted, a section just runs.
//
// Used by one thread at a time, with one session, which must outlive it.
class Replays {
 public:
  explicit Replays(Session& session) : session_(session) {}

  // `key`: numbers that decide what the section queues: which section it is, shapes, switches. The
  // addresses it reads from are covered by `inputs`, those it writes to by the height of the
  // workspace. `outputs`: tensors that the section assigns; a section that is played has them, and
  // the height of the workspace, as when it was noted. Outputs have no gradients.
  void run(std::span<const std::int64_t> key, std::initializer_list<Tensor> inputs,
           std::initializer_list<Tensor*> outputs, FunctionRef<void()> section);

  // Sections played so far, and graphs that are kept.
  std::size_t played() const { return played_; }
  std::size_t kept() const;

  // Keys that are remembered; the one that has not come for longest goes first.
  static constexpr std::size_t kMostKept = 32;

 private:
  struct Entry {
    std::vector<std::int64_t> key;
    std::unique_ptr<kernels::Graph> graph;  // null: seen once
    std::vector<Tensor> outputs;
    Workspace::Mark end;
    std::size_t last = 0;  // run() that used it
  };

  Entry& entry_of(std::span<const std::int64_t> key, std::initializer_list<Tensor> inputs,
                  bool& seen);
  void capture(Entry& entry, std::initializer_list<Tensor*> outputs, FunctionRef<void()> section);

  Session& session_;
  std::vector<Entry> entries_;
  std::vector<std::int64_t> full_key_;
  std::size_t runs_ = 0, played_ = 0, moves_ = 0;
  bool refused_ = false;  // the device could not make a graph: sections run as they are
};

}  // namespace ofer
