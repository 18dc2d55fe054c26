#include "bench/measure/observed_table.h"

#include "engine/ops_support.h"

namespace ofer::bench {

namespace {

thread_local const Backend* production = nullptr;
thread_local Observer* watching = nullptr;

template <class T, class Args>
void observe(const char* operation, void (*kernels::Table<T>::*row)(const Args&, kernels::Stream&),
             const Args& args, kernels::Stream& stream) {
  watching->before(operation, work_of(operation, args));
  (ops::table_of<T>(*production).*row)(args, stream);
  watching->after(operation, stream);
}

// A row for each that `table` has.
template <class T>
kernels::Table<T> observed(const kernels::Table<T>* table) {
  kernels::Table<T> result;
  if (!table) return result;
#define OFER_ROW(operation, Args)                                                  \
  if (table->operation)                                                            \
    result.operation = [](const kernels::Args<T>& args, kernels::Stream& stream) { \
      observe<T>(#operation, &kernels::Table<T>::operation, args, stream);         \
    };
  OFER_OPERATIONS(OFER_ROW)
#undef OFER_ROW
  return result;
}

}  // namespace

ObservedTables::ObservedTables(Session& session, Observer& observer)
    : session_(session),
      own_(session.backend()),
      f32_(observed(own_.f32)),
      f64_(observed(own_.f64)),
      bf16_(observed(own_.bf16)),
      observed_(own_) {
  OFER_ASSERT(watching == nullptr);
  if (own_.f32) observed_.f32 = &f32_;
  if (own_.f64) observed_.f64 = &f64_;
  if (own_.bf16) observed_.bf16 = &bf16_;
  session_.replace_backend(&observed_);
  production = &own_;
  watching = &observer;
}

ObservedTables::~ObservedTables() {
  session_.replace_backend(nullptr);
  production = nullptr;
  watching = nullptr;
}

}  // namespace ofer::bench
