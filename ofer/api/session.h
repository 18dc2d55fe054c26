// What an ofer_session is.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ofer/api/model.h"
#include "ofer/api/status.h"
#include "ofer/ofer.h"
#include "ofer/pipeline.h"

// Made and ended by its handle; one call at a time, which `state` sees to.
struct ofer_session {
  static constexpr std::uint64_t kAlive = 0x6e6f69737365736f, kEnded = 0x6465646e65736573;
  enum class State { kIdle, kInCall, kInCallThenEnds };

  ofer_session(std::shared_ptr<ofer_model> model, const ofer::SessionOptions& options,
               std::size_t largest_batch);
  ~ofer_session() { mark = kEnded; }

  void remember(std::string_view text) noexcept { ofer::api::copy_text(text, last_error); }

  std::atomic<std::uint64_t> mark{kAlive};
  std::atomic<State> state{State::kIdle};
  std::array<char, sizeof(ofer_error::text)> last_error{};

  const std::shared_ptr<ofer_model> model;  // keeps its handle's mark readable
  ofer::Pipeline pipeline;
  const std::size_t largest_batch;
  std::vector<ofer::ImageView> views;  // of a turn; kept for its memory
  ofer::StageTimes times;              // of the last call that succeeded
  std::size_t turn_first = 0, turn_count = 0;
  std::string tap_name;
};

namespace ofer::api {

// Runs a call of its own on the session. OFER_BUSY when one is running, OFER_BAD_ARGUMENT without a
// text when the handle is none. A session that was ended inside the call goes when it returns.
template <class Work>
ofer_status with_session(ofer_session* session, Work&& work) noexcept {
  if (!session || session->mark != ofer_session::kAlive) return OFER_BAD_ARGUMENT;
  using State = ofer_session::State;
  State idle = State::kIdle;
  if (!session->state.compare_exchange_strong(idle, State::kInCall)) return OFER_BUSY;
  const ofer_status status =
      guarded([&] { work(*session); },
              [session](ofer_status, std::string_view text) { session->remember(text); });
  State in_call = State::kInCall;
  if (!session->state.compare_exchange_strong(in_call, State::kIdle)) delete session;
  return status;
}

}  // namespace ofer::api
