// What `ofer verify` prints: a line for each tap as it comes, and the verdict last.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "engine/shape.h"
#include "tools/console.h"
#include "tools/verify_comparison.h"

namespace ofer {

struct TapVerdict {
  std::string name;
  Shape shape;
  std::optional<TapError> error;  // empty: could not be compared
  std::string problem;            // then why
  double allowed = 0;

  // NaN never passes.
  bool passed() const { return error && error->relative_l2 <= allowed; }
  // Share of the allowed error; infinite where nothing is allowed and there is an error.
  double share() const;
};

struct VerifySummary {
  std::string weights, reference, device, precision;
  std::size_t taps = 0, failed = 0;
  std::string first;  // name of the first tap that diverges, in execution order
};

class VerifyOutput {
 public:
  virtual ~VerifyOutput() = default;
  virtual void tap(const TapVerdict& verdict) = 0;
  virtual void finish(const VerifySummary& summary) = 0;
};

// A table for people; `longest_name` in columns.
std::unique_ptr<VerifyOutput> make_verify_table(Console& console, int longest_name);
// A JSON object in each line: one for each tap, then the verdict.
std::unique_ptr<VerifyOutput> make_verify_json(Console& console);

}  // namespace ofer
