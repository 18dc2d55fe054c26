#include "tools/verify_output.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tools/json_text.h"
#include "tools/tensor_values.h"
#include "tools/text_format.h"

namespace ofer {

namespace {

using Json = nlohmann::ordered_json;

constexpr int kLeastNameWidth = 24, kNumbersWidth = 72;

class Table : public VerifyOutput {
 public:
  Table(Console& console, int longest_name)
      : console_(console),
        name_width_(std::clamp(longest_name, kLeastNameWidth,
                               std::max(console.width - kNumbersWidth, kLeastNameWidth))) {}

  void tap(const TapVerdict& verdict) override {
    if (!headed_)
      print_line(console_, styled("2", fit_left("tap", name_width_) +
                                           "  relative L2  of allowed  largest error"));
    headed_ = true;
    std::string text = fit_left(one_line(verdict.name), name_width_) + "  ";
    if (verdict.error) {
      const TapError& e = *verdict.error;
      text += format("%11.2e  %8.1f %%  ", e.relative_l2, 100 * verdict.share());
      if (e.not_finite > 0) text += std::to_string(e.not_finite) + " not finite; ";
      text += format("%.2e", e.largest) + " at " + index_text(verdict.shape, e.place) +
              format(": expected %.9g, got %.9g", e.expected, e.got);
    } else {
      text += verdict.problem;
    }
    print_line(console_, verdict.passed() ? text : styled("31", text + "  DIVERGES"));
  }

  void finish(const VerifySummary& summary) override {
    print_line(console_, "");
    print_line(console_, std::to_string(summary.taps) + " taps compared on " + summary.device +
                             ", " + summary.precision + "; " + std::to_string(summary.failed) +
                             " diverge");
    print_line(console_, summary.first.empty()
                             ? "every tap is within what is allowed"
                             : "the first that diverges: " + one_line(summary.first));
  }

 private:
  std::string styled(const char* code, const std::string& text) const {
    return console_.colours ? "\x1b[" + std::string(code) + 'm' + text + "\x1b[0m" : text;
  }

  Console& console_;
  int name_width_;
  bool headed_ = false;
};

class Lines : public VerifyOutput {
 public:
  explicit Lines(Console& console) : console_(console) {}

  // Numbers that are not finite become null.
  void tap(const TapVerdict& verdict) override {
    Json line;
    line["tap"] = verdict.name;
    line["passed"] = verdict.passed();
    line["shape"] = shape_json(verdict.shape);
    if (verdict.error) {
      const TapError& e = *verdict.error;
      line["relative_l2"] = e.relative_l2;
      line["allowed"] = verdict.allowed;
      line["share"] = verdict.share();
      line["largest_error"] = e.largest;
      line["index"] = shape_json(index_of(verdict.shape, e.place));
      line["expected"] = e.expected;
      line["got"] = e.got;
      line["not_finite"] = e.not_finite;
    } else {
      line["problem"] = verdict.problem;
    }
    print(line);
  }

  void finish(const VerifySummary& summary) override {
    Json line;
    line["passed"] = summary.failed == 0;
    line["taps"] = summary.taps;
    line["failed"] = summary.failed;
    line["first_diverging"] = summary.first.empty() ? Json() : Json(summary.first);
    line["weights"] = summary.weights;
    line["reference"] = summary.reference;
    line["device"] = summary.device;
    line["precision"] = summary.precision;
    print(line);
  }

 private:
  void print(const Json& line) { print_line(console_, json_line(line)); }

  Console& console_;
};

}  // namespace

double TapVerdict::share() const {
  if (!error) return std::numeric_limits<double>::quiet_NaN();
  if (error->relative_l2 == 0) return 0;
  return allowed > 0 ? error->relative_l2 / allowed
                     : error->relative_l2 * std::numeric_limits<double>::infinity();
}

std::unique_ptr<VerifyOutput> make_verify_table(Console& console, int longest_name) {
  return std::make_unique<Table>(console, longest_name);
}

std::unique_ptr<VerifyOutput> make_verify_json(Console& console) {
  return std::make_unique<Lines>(console);
}

}  // namespace ofer
