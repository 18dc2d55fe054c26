// Tables of operations that tell an observer what is called.
#pragma once

#include "bench/work/work.h"
#include "engine/session.h"

namespace ofer::bench {

// What it throws breaks the pass off, as what an operation throws does; then after() is not called.
class Observer {
 public:
  virtual ~Observer() = default;
  // An operation is about to be queued (on a CPU: done).
  virtual void before(const char* operation, Work work) = 0;
  virtual void after(const char* operation, kernels::Stream& stream) = 0;
};

// While one lives, every operation that the session runs goes by the observer: in each table of its
// backend the rows that are there call before(), the backend's own row, after(). The results have
// the same bits. Nothing is played again (engine/replays.h), so that a pass shows all it does; a
// pass that is only counted shows nothing. The session and the observer must outlive it.
//
// Thread rule: rows are plain functions, which find the observer by their thread. So it is made,
// and ends, on the thread that uses the session, between passes; one at a time for each thread.
class ObservedTables {
 public:
  ObservedTables(Session& session, Observer& observer);
  ~ObservedTables();
  ObservedTables(const ObservedTables&) = delete;
  ObservedTables& operator=(const ObservedTables&) = delete;

 private:
  Session& session_;
  const Backend own_;
  kernels::Table<float> f32_;
  kernels::Table<double> f64_;
  kernels::Table<kernels::BFloat16> bf16_;
  Backend observed_;
};

}  // namespace ofer::bench
