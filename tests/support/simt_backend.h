// The SIMT executor as a backend under test: the kernels of kernels/cuda/, run on the host.
#pragma once

#if defined(OFER_HAVE_SIMT)

#include <cstring>
#include <string>

#include "kernels/cuda/table.h"
#include "kernels/simt/executor.h"
#include "kernels/simt/memory.h"
#include "tests/support/backend.h"

namespace ofer::test {

// Device memory in which races are looked for. The host does not touch it but through write and
// read, as if it could not.
class SimtMemory final : public Memory {
 public:
  void* allocate(std::size_t bytes) override {
    return kernels::simt::allocate(bytes, kernels::simt::Tracking::kRaces);
  }
  void release(void* data) override { kernels::simt::release(data); }
  void write(void* device, const void* host, std::size_t bytes) override {
    if (bytes) std::memcpy(device, host, bytes);
  }
  void read(void* host, const void* device, std::size_t bytes) override {
    if (bytes) std::memcpy(host, device, bytes);
  }
  bool host_accessible() const override { return false; }
  void narrow(void* data, std::size_t bytes) override { kernels::simt::narrow(data, bytes); }
  void widen(void* data) override { kernels::simt::widen(data); }
};

// Threads of a block run in an order that `seed` shuffles. `tf32`: products of floats round their
// operands.
inline Backend simt_backend(std::uint64_t seed, bool tf32 = false) {
  static SimtMemory memory;
  Backend backend;
  backend.name = "simt" + std::string(tf32 ? " tf32" : "") + ", order " + std::to_string(seed);
  backend.f32 = &kernels::simt::table_f32();
  backend.bf16 = &kernels::simt::table_bf16();
  backend.make_stream = [seed, tf32](int threads) {
    auto stream = std::make_unique<kernels::simt::SimtStream>(threads, seed);
    stream->set_tf32(tf32);
    return stream;
  };
  backend.dirty_scratch = [](kernels::Stream& stream) {
    static_cast<kernels::simt::SimtStream&>(stream).dirty_scratch();
  };
  backend.memory = &memory;
  return backend;
}

}  // namespace ofer::test

#endif
