// The operations' case lists as things to be timed, whatever their operation and type are.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/backend.h"

namespace ofer::bench {

// A device and a precision to time operations in.
struct KernelTarget {
  std::string device;     // cpu, cuda, simt
  std::string precision;  // fp32, tf32, bf16
  test::Backend backend;
  int threads = 1;

  // Are elements of two bytes? A CPU's bf16 is floats whose products round their operands.
  bool narrow() const { return precision == "bf16" && backend.bf16 != nullptr; }
  std::unique_ptr<kernels::Stream> make_stream() const;
};

// Throws kUnsupported, with the remedy, where this build or this machine has no such thing.
KernelTarget kernel_target(const std::string& device, const std::string& precision, int threads);

// One case in memory of a target.
class BoundCase {
 public:
  virtual ~BoundCase() = default;
  virtual void run(kernels::Stream& stream) = 0;
  // Each input read once, each output written once (bench/work/work.h).
  virtual double compulsory_bytes() const = 0;
  // Of a case that has not run: runs it once and holds every result against the double kernels of
  // the CPU, which the tests hold against the oracle. Empty, or what is wrong.
  virtual std::string difference(kernels::Stream& stream) = 0;
  // Directly behind difference(): what went in ("in/NAME") and came out ("out/NAME") as a
  // safetensors file of flat arrays, so that others can do the same work. Throws kIo.
  virtual void save(const std::filesystem::path& path) = 0;
};

struct KernelCase {
  std::string operation, name;
  bool backward = false;
  bool pipeline = false;  // a shape of the full model; else one of the tests'
  double flops = 0;       // additions, multiplications and function calls of the formula
  // A road's step in place of the production kernel ("variant 2: ..."); empty: production.
  std::string variant;
  // Throws kUnsupported where the target has no such operation.
  std::function<std::unique_ptr<BoundCase>(const KernelTarget&)> bind;
};

// Every case, in the order of the case lists. With `variants` the steps before a production kernel
// (bench/variants/) come behind each case of their operation; these are for fp32 on cuda and simt.
std::vector<KernelCase> kernel_cases(const std::string& device, bool variants);

}  // namespace ofer::bench
