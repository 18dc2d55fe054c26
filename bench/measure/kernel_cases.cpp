#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "bench/measure/kernel_case.h"
#include "bench/variants/variants.h"
#include "bench/work/work.h"
#include "engine/cores.h"
#include "engine/error.h"
#include "tests/cases/all.h"
#include "tests/support/compare.h"
#include "tests/support/tolerance.h"
#include "weights/safetensors_writer.h"

namespace ofer::bench {

namespace {

using test::Buffers;
using test::Values;

kernels::cpu::CpuStream all_cores() {
  return kernels::cpu::CpuStream(usable_cores());
}

// What a backward case is given by its forward call: on the CPU, in double. Nothing for a forward
// case.
template <class Case>
Values given_to(const Case& test) {
  if constexpr (requires(Buffers<double> & b) { test.bind_forward(b); }) {
    kernels::cpu::CpuStream cpu = all_cores();
    Buffers<double> buffers(test.seed);
    const auto forward = Case::forward_entry(*test::cpu_backends().back().f64);
    forward(test.bind_forward(buffers), cpu);
    return buffers.values();
  }
  return {};
}

// How far a result may be from the double one, as a share of its size or of its terms'.
double tolerance_of(const std::string& precision) {
  if (precision == "bf16") return test::kBf16.tolerance;
  if (precision == "tf32") return test::kTf32.tolerance;
  return 2e-5;
}

// Only positions and flags that come of moving numbers are the same in coarse arithmetic.
template <class Case>
bool positions_count(const std::string& precision) {
  return precision == "fp32" || requires {
    Case::kMoves;
  };
}

template <class T, class Case>
class BoundCaseOf final : public BoundCase {
 public:
  BoundCaseOf(const Case& test, const KernelTarget& target,
              void (*entry)(const decltype(std::declval<Case>().bind(std::declval<Buffers<T>&>()))&,
                            kernels::Stream&))
      : test_(test),
        precision_(target.precision),
        given_(given_to(test)),
        buffers_(test.seed, *target.backend.memory, &given_),
        args_(test.bind(buffers_)),
        entry_(entry) {}

  void run(kernels::Stream& stream) override { entry_(args_, stream); }

  double compulsory_bytes() const override { return work_of(Case::kOperation, args_).bytes; }

  std::string difference(kernels::Stream& stream) override {
    const Values inputs = buffers_.values();  // as T holds them
    buffers_.arm();
    entry_(args_, stream);
    stream.synchronise();
    const std::string fault = buffers_.inspect();
    if (!fault.empty()) return fault;
    Buffers<double> expected(test_.seed, test::host_memory(), &inputs);
    const auto exact = Case::entry(*test::cpu_backends().back().f64);
    kernels::cpu::CpuStream cpu = all_cores();
    exact(test_.bind(expected), cpu);
    for (auto& entry : buffers_.entries()) {
      if (!entry->written()) continue;
      const std::string wrong = differs(*entry, *expected.find(entry->name), expected, inputs);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

  void save(const std::filesystem::path& path) override {
    std::vector<TensorSource> tensors;
    for (auto& entry : buffers_.entries()) {
      const bool in_out = entry->role == test::Role::kInOut;
      if (entry->role == test::Role::kInput || in_out)
        tensors.push_back(source("in/" + entry->name, *entry, entry->initial));
      if (entry->written())
        tensors.push_back(source("out/" + entry->name, *entry, buffers_.read_bytes(*entry)));
    }
    write_safetensors(
        path, tensors,
        {{"operation", Case::kOperation}, {"case", test_.name}, {"precision", precision_}});
  }

 private:
  using Entry = typename Buffers<T>::Entry;

  // Elements of two bytes are written as floats, which every program reads.
  static TensorSource source(std::string name, const Entry& entry, const std::vector<char>& bytes) {
    std::vector<char> own = bytes;
    DType dtype = DType::kF32;
    if (entry.element == test::Element::kIndex) dtype = DType::kI32;
    if (entry.element == test::Element::kByte) dtype = DType::kU8;
    if (sizeof(T) == 2 && entry.element == test::Element::kReal) {
      std::vector<float> wide(static_cast<std::size_t>(entry.count));
      for (std::size_t i = 0; i < wide.size(); ++i)
        wide[i] = static_cast<float>(reinterpret_cast<const T*>(bytes.data())[i]);
      own.resize(wide.size() * sizeof(float));
      std::memcpy(own.data(), wide.data(), own.size());
    }
    return {std::move(name), dtype, Shape{entry.count},
            [own = std::move(own)](std::uint64_t offset, std::span<std::byte> out) {
              std::memcpy(out.data(), own.data() + offset, out.size());
            }};
  }

  std::string differs(Entry& got, typename Buffers<double>::Entry& entry, Buffers<double>& expected,
                      const Values& inputs) {
    if (got.exact()) {
      if (!positions_count<Case>(precision_)) return "";
      switch (got.element) {
        case test::Element::kFloat:
          return exactly<float>(got, entry, expected);
        case test::Element::kByte:
          return exactly<std::uint8_t>(got, entry, expected);
        default:
          return exactly<std::int32_t>(got, entry, expected);
      }
    }
    return apart(got.name, buffers_.read_numbers(got), expected.read_numbers(entry), inputs);
  }

  template <class E>
  std::string exactly(Entry& got, typename Buffers<double>::Entry& entry,
                      Buffers<double>& expected) {
    return test::compare_exactly(got.name, buffers_.template read_as<E>(got),
                                 expected.template read_as<E>(entry), got.loose);
  }

  // In L2, without what the contract leaves unwritten.
  std::string apart(const std::string& name, const std::vector<double>& got,
                    const std::vector<double>& expected, const Values& inputs) const {
    double error = 0, size = 0, terms = 0;
    if constexpr (requires { test_.terms(name, inputs); }) terms = test_.terms(name, inputs);
    for (std::size_t i = 0; i < got.size(); ++i) {
      if (std::isnan(expected[i])) continue;
      error += (got[i] - expected[i]) * (got[i] - expected[i]);
      size += std::max(expected[i] * expected[i], terms * terms);
    }
    const double tolerance =
        test::ill_conditioned(test_) ? test::kLoosest : tolerance_of(precision_);
    if (std::sqrt(error) <= tolerance * std::sqrt(size) + 1e-38) return "";
    return message(name, " is off by ", std::sqrt(error / size), " in L2, where ", tolerance,
                   " is allowed");
  }

  Case test_;
  std::string precision_;
  Values given_;
  Buffers<T> buffers_;
  decltype(std::declval<Case>().bind(std::declval<Buffers<T>&>())) args_;
  void (*entry_)(const decltype(args_)&, kernels::Stream&);
};

template <class T, class Case>
std::unique_ptr<BoundCase> bound(const Case& test, const KernelTarget& target,
                                 const kernels::Table<T>* table) {
  const auto entry = table ? Case::entry(*table) : nullptr;
  require(entry != nullptr, ErrorCode::kUnsupported, "unsupported: ", Case::kOperation, " on ",
          target.device, " in ", target.precision);
  return std::make_unique<BoundCaseOf<T, Case>>(test, target, entry);
}

template <class Case>
void add_cases(std::vector<KernelCase>& cases, const std::string& device, bool variants,
               bool backward, const std::vector<Case>& list, bool pipeline) {
  for (const Case& test : list) {
    KernelCase row{Case::kOperation, test.name, backward, pipeline, test.flops(), "", {}};
    row.bind = [test](const KernelTarget& target) {
      return target.narrow() ? bound<kernels::BFloat16>(test, target, target.backend.bf16)
                             : bound<float>(test, target, target.backend.f32);
    };
    cases.push_back(row);
    if (!variants) continue;
    for_each_variant(bench::variants(device), Case::kOperation, kernels::Table<float>{},
                     [&](const std::string& label, const kernels::Table<float>& table) {
                       KernelCase step = row;
                       step.variant = label;
                       step.bind = [test, table](const KernelTarget& target) {
                         return bound<float>(test, target, &table);
                       };
                       cases.push_back(step);
                     });
  }
}

}  // namespace

std::vector<KernelCase> kernel_cases(const std::string& device, bool variants) {
  std::vector<KernelCase> cases;
  bool backward = false;
  const auto visit = [&]<class Case>() {
    add_cases<Case>(cases, device, variants, backward, Case::benchmarks(), true);
    add_cases<Case>(cases, device, variants, backward, Case::list(), false);
  };
  test::CaseTypes<test::ForwardCases>::for_each(visit);
  backward = true;
  test::CaseTypes<test::BackwardCases>::for_each(visit);
  return cases;
}

}  // namespace ofer::bench
