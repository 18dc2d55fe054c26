#include "bench/measure/kernel_run.h"

#include <algorithm>
#include <exception>
#include <memory>

#include "bench/measure/machine.h"
#include "engine/error.h"
#include "kernels/device_error.h"

namespace ofer::bench {

namespace {

// In the order of the lists, each once.
std::string names_of_operations(const std::vector<KernelCase>& cases) {
  std::string names;
  std::set<std::string> seen;
  for (const KernelCase& test : cases)
    if (seen.insert(test.operation).second) names += (names.empty() ? "" : ", ") + test.operation;
  return names;
}

bool wanted(const KernelCase& test, const KernelChoice& choice) {
  const auto& operations = choice.operations;
  if (!operations.empty() &&
      std::find(operations.begin(), operations.end(), test.operation) == operations.end())
    return false;
  if (!choice.direction.empty() && (choice.direction == "backward") != test.backward) return false;
  if (!test.pipeline && !choice.tests_shapes) return false;
  return test.name.find(choice.name) != std::string::npos;
}

// Cases that stay in memory between their rounds: to draw and copy a large one again takes longer
// than its round.
class Kept {
 public:
  explicit Kept(std::size_t rows) : cases_(rows), bytes_(rows) {}

  std::unique_ptr<BoundCase> take(std::size_t row) {
    there_ -= bytes_[row];
    bytes_[row] = 0;
    return std::move(cases_[row]);
  }
  void keep(std::size_t row, std::unique_ptr<BoundCase> bound, double bytes) {
    if (there_ + bytes > most_) return;
    cases_[row] = std::move(bound);
    bytes_[row] = bytes;
    there_ += bytes;
  }
  // Makes room: nothing is kept any more. Was there anything?
  bool drop() {
    const bool any = there_ > 0;
    for (auto& bound : cases_) bound.reset();
    std::fill(bytes_.begin(), bytes_.end(), 0.0);
    there_ = most_ = 0;
    return any;
  }

 private:
  std::vector<std::unique_ptr<BoundCase>> cases_;
  std::vector<double> bytes_;  // of their tensors
  double there_ = 0;
  // A case holds its tensors and what it drew them from.
  double most_ = std::min(0.1 * bytes_of_memory(), 4e9);
};

// Binds the case where it is not kept, on its first visit holds it against the reference, and times
// one round.
void visit(KernelRow& row, std::unique_ptr<BoundCase>& bound, const KernelTarget& target,
           KernelTimer& timer, const std::filesystem::path& folder) {
  if (!bound) bound = row.test.bind(target);
  if (row.times.warm.empty()) {
    row.bytes = bound->compulsory_bytes();
    row.wrong = bound->difference(timer.stream());
    if (!row.wrong.empty()) return;
    if (!row.tensors.empty()) bound->save(folder / row.tensors);
  }
  timer.visit(*bound, row.times);
}

void visit_row(KernelRun& run, std::size_t number, Kept& kept, KernelTimer& timer,
               const KernelChoice& choice, const RoundRule& rule) {
  KernelRow& row = run.rows[number];
  for (bool again = true; again;) {
    again = false;
    try {
      std::unique_ptr<BoundCase> bound = kept.take(number);
      visit(row, bound, run.targets[row.target], timer, choice.tensors);
      if (row.wrong.empty() && !row.times.finished(rule))
        kept.keep(number, std::move(bound), row.bytes);
    } catch (const std::bad_alloc&) {
      again = kept.drop();
      if (!again) row.wrong = "not enough memory";
    } catch (const kernels::DeviceError& error) {
      again = error.out_of_memory && kept.drop();
      if (!again) row.wrong = error.what();
    } catch (const std::exception& error) {
      row.wrong = error.what();
    }
  }
}

}  // namespace

std::vector<KernelCase> chosen_cases(const std::string& device, const KernelChoice& choice) {
  const std::vector<KernelCase> all = kernel_cases(device, choice.variants);
  for (const std::string& operation : choice.operations)
    require(std::any_of(all.begin(), all.end(),
                        [&](const KernelCase& test) { return test.operation == operation; }),
            ErrorCode::kBadArgument, "no operation \"", operation,
            "\"; there are: ", names_of_operations(all));
  std::vector<KernelCase> chosen;
  std::copy_if(all.begin(), all.end(), std::back_inserter(chosen),
               [&](const KernelCase& test) { return wanted(test, choice); });
  if (!chosen.empty()) return chosen;
  KernelChoice any_name = choice;
  any_name.name.clear();
  std::string names;
  for (const KernelCase& test : all)
    if (wanted(test, any_name)) names += "\n  " + test.operation + ": " + test.name;
  fail(ErrorCode::kBadArgument, "no case is called like \"", choice.name,
       "\"; there are:", names.empty() ? " none of that direction" : names);
}

KernelRun run_kernels(std::vector<KernelTarget> targets, const KernelChoice& choice,
                      const RoundRule& rule,
                      const std::function<bool(std::size_t, std::size_t)>& go_on) {
  KernelRun run;
  run.targets = std::move(targets);
  std::vector<std::unique_ptr<KernelTimer>> timers;
  for (std::size_t i = 0; i < run.targets.size(); ++i) {
    const KernelTarget& target = run.targets[i];
    KernelChoice here = choice;
    here.variants = choice.variants && target.precision == "fp32" && target.device != "cpu";
    for (KernelCase& test : chosen_cases(target.device, here)) {
      const bool saved = !choice.tensors.empty() && test.pipeline && test.variant.empty();
      run.rows.push_back({std::move(test),
                          i,
                          0,
                          {},
                          saved ? std::to_string(run.rows.size()) + ".safetensors" : "",
                          ""});
    }
    timers.push_back(std::make_unique<KernelTimer>(target, rule));
  }
  std::size_t done = 0;
  const std::size_t least = run.rows.size() * rule.least_rounds;
  for (std::size_t i = 0; i < run.targets.size(); ++i) {
    if (!go_on(done, least)) {
      run.interrupted = true;
      return run;
    }
    run.rooflines.push_back(run.targets[i].device == "simt" ? Roofline{}
                                                            : measure_roofline(run.targets[i]));
  }
  Kept kept(run.rows.size());
  for (bool more = true; more;) {
    more = false;
    for (std::size_t number = 0; number < run.rows.size(); ++number) {
      const KernelRow& row = run.rows[number];
      if (!row.wrong.empty() || row.times.finished(rule)) continue;
      if (!go_on(std::min(done, least), least)) {
        run.interrupted = true;
        return run;
      }
      visit_row(run, number, kept, *timers[row.target], choice, rule);
      ++done;
      more = true;
    }
  }
  return run;
}

}  // namespace ofer::bench
