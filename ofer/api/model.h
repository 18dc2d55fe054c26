// What an ofer_model is.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/log.h"
#include "ofer/network.h"
#include "ofer/ofer.h"

// Lives until its handle has ended and no session needs it: a handle that has ended is known by its
// mark for as long. Any number of threads may use one.
struct ofer_model {
  static constexpr std::uint64_t kAlive = 0x6c65646f4d726566, kEnded = 0x6465646e456c646d;

  ofer_model(ofer::LoadedWeights weights, ofer::LogCallback log);
  ~ofer_model() { mark = kEnded; }

  // The network for a device and a precision, made when it is first asked for.
  std::shared_ptr<const ofer::Network> network(ofer::Device device, ofer::Precision precision);

  void remember(std::string_view text) const noexcept;  // the last failure

  std::atomic<std::uint64_t> mark{kAlive};
  std::shared_ptr<ofer_model> self;  // the handle's own share
  const ofer::LoadedWeights weights;
  const ofer::LogCallback log;
  const std::vector<std::string> layers;  // that Grad-CAM can look at

  mutable std::mutex mutex;  // of what is below
  std::vector<std::shared_ptr<const ofer::Network>> networks;
  mutable std::array<char, sizeof(ofer_error::text)> last_error{};
};

namespace ofer::api {

// The model behind a handle. Throws kBadArgument for null and, where it can be seen, for one that
// has ended or was none.
const ofer_model& checked(const ofer_model* model);

}  // namespace ofer::api
