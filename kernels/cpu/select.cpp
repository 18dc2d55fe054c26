#include "kernels/cpu/select.h"

#include <cstring>

namespace ofer::kernels::cpu {

namespace baseline {
template <class T>
void fill_table(Table<T>&);
}
#ifdef OFER_HAVE_AVX2_VARIANT
namespace avx2 {
template <class T>
void fill_table(Table<T>&);
}
#endif

namespace {

bool machine_has_avx2() {
#ifdef OFER_HAVE_AVX2_VARIANT
  // What -march=x86-64-v3 lets the compiler use.
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
         __builtin_cpu_supports("popcnt");
#else
  return false;
#endif
}

template <class T>
const Table<T>* table(const char* variant) {
  if (std::strcmp(variant, "baseline") == 0) {
    static const Table<T> rows = [] {
      Table<T> t;
      baseline::fill_table(t);
      return t;
    }();
    return &rows;
  }
#ifdef OFER_HAVE_AVX2_VARIANT
  if (std::strcmp(variant, "avx2") == 0 && machine_has_avx2()) {
    static const Table<T> rows = [] {
      Table<T> t;
      avx2::fill_table(t);
      return t;
    }();
    return &rows;
  }
#endif
  return nullptr;
}

}  // namespace

const Table<float>* table_f32(const char* variant) { return table<float>(variant); }
const Table<double>* table_f64(const char* variant) { return table<double>(variant); }
const char* best_variant() { return machine_has_avx2() ? "avx2" : "baseline"; }

}  // namespace ofer::kernels::cpu
