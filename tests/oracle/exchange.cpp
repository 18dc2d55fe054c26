#include "tests/oracle/oracle.h"

namespace ofer::oracle {

namespace {
double number(double v) {
  return v;
}
double number(const test::Measured& v) {
  return v.value;
}
}  // namespace

template <class R>
void export_floats(const kernels::ExportFloatsArgs<R>& args) {
  for (Index i = 0; i < args.count; ++i) args.y[i] = static_cast<float>(number(args.x[i]));
}

template <class R>
void export_flags(const kernels::ExportFlagsArgs<R>& args) {
  for (Index i = 0; i < args.count; ++i) args.y[i] = number(args.x[i]) > 0 ? 1 : 0;
}

template <class R>
void import_flags(const kernels::ImportFlagsArgs<R>& args) {
  for (Index i = 0; i < args.count; ++i) args.y[i] = args.x[i] == 0 ? R(0) : R(1);
}

template <class R>
void export_top(const kernels::ExportTopArgs<R>& args) {
  for (Index r = 0; r < args.rows; ++r) {
    const R* x = args.x + r * args.length;
    args.index[r] = 0;
    for (Index i = 0; i < args.length; ++i) {
      bool first = !std::isnan(number(x[i]));  // of the numbers that nothing stands above?
      for (Index j = 0; j < args.length; ++j)
        if (x[j] > x[i] || (x[j] == x[i] && j < i)) first = false;
      if (first) args.index[r] = static_cast<std::int32_t>(i);
    }
  }
}

OFER_ORACLE(export_floats, ExportFloatsArgs)
OFER_ORACLE(export_flags, ExportFlagsArgs)
OFER_ORACLE(import_flags, ImportFlagsArgs)
OFER_ORACLE(export_top, ExportTopArgs)

}  // namespace ofer::oracle
