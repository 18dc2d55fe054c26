// What the programs that time things share.
#pragma once

#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/timing.h"

namespace ofer::bench {

// run(), with what it throws told on one line.
template <class Run>
int run_program(const char* name, Run&& run) {
  try {
    return run();
  } catch (const std::exception& error) {
    std::cerr << name << ": " << error.what() << '\n';
    return 1;
  }
}

// How long a request {"seconds": s, "samples": n, "warm_up": w} wants something timed.
inline StopRule rule_in(const nlohmann::ordered_json& request) {
  StopRule rule;
  rule.seconds = request.at("seconds").get<double>();
  rule.samples = request.at("samples").get<int>();
  rule.warm_up = request.at("warm_up").get<int>();
  return rule;
}

}  // namespace ofer::bench
