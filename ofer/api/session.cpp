#include "ofer/api/session.h"

#include <array>

#include "ofer/api/versioned.h"

ofer_session::ofer_session(std::shared_ptr<ofer_model> model_, const ofer::SessionOptions& options,
                           std::size_t largest_batch_)
    : model(std::move(model_)),
      pipeline(model->network(options.device, options.precision), options),
      largest_batch(largest_batch_) {
  views.reserve(largest_batch);
}

namespace ofer::api {
namespace {

constexpr std::int32_t kUsualBatch = 8;

SessionOptions options_of(const ofer_session_options& given, const LogCallback& log) {
  SessionOptions options;
  switch (given.device) {
    case OFER_DEVICE_CPU:
      options.device.kind = DeviceKind::kCpu;
      break;
    case OFER_DEVICE_CUDA:
      options.device.kind = DeviceKind::kCuda;
      break;
    case OFER_DEVICE_SIMT:
      options.device.kind = DeviceKind::kSimt;
      break;
    default:
      fail(ErrorCode::kBadArgument, "device ", given.device, " is none of OFER_DEVICE_...");
  }
  require(given.device_index >= 0 && (given.device_index == 0 || given.device == OFER_DEVICE_CUDA),
          ErrorCode::kBadArgument, "there is no device of number ", given.device_index);
  options.device.index = given.device_index;
  switch (given.precision) {
    case OFER_PRECISION_FP32:
      options.precision = Precision::kF32;
      break;
    case OFER_PRECISION_TF32:
      options.precision = Precision::kTf32;
      break;
    case OFER_PRECISION_BF16:
      options.precision = Precision::kBf16;
      break;
    default:
      fail(ErrorCode::kBadArgument, "precision ", given.precision,
           " is none of OFER_PRECISION_...");
  }
  require(given.largest_batch >= 0, ErrorCode::kBadArgument, "a largest batch of ",
          given.largest_batch);
  options.threads = given.threads;
  options.deterministic = given.fast == 0;
  options.log = log;
  options.stream = given.stream;
  return options;
}

std::int32_t type_of(DType dtype) {
  switch (dtype) {
    case DType::kF32:
      return OFER_F32;
    case DType::kBF16:
      return OFER_BF16;
    case DType::kI32:
      return OFER_I32;
    default:
      return -1;
  }
}

// A caller's callback that returned other than 0.
[[noreturn]] void broken_off(const char* callback, std::int32_t returned) {
  fail(ErrorCode::kCancelled, "broken off by the ", callback, " callback, which returned ",
       returned);
}

void show(ofer_session& session, ofer_tap_callback tap, void* user, std::string_view name,
          const Tensor& tensor) {
  ofer_tensor shown{};
  shown.size = sizeof shown;
  shown.type = type_of(tensor.dtype());
  const int rank = tensor.shape().rank();
  if (shown.type < 0 || rank > static_cast<int>(std::size(shown.shape))) return;
  session.tap_name = name;
  shown.name = session.tap_name.c_str();
  shown.data = tensor.raw();
  shown.rank = rank;
  for (int i = 0; i < rank; ++i) shown.shape[i] = tensor.size(i);
  if (const std::int32_t returned = tap(user, &shown)) broken_off("tap", returned);
}

}  // namespace
}  // namespace ofer::api

extern "C" {

ofer_status ofer_session_create(ofer_model* model, const ofer_session_options* given,
                                ofer_session** session, ofer_error* error) noexcept {
  using namespace ofer;
  if (session) *session = nullptr;
  return api::guarded_into(error, [&] {
    require(session != nullptr, ErrorCode::kBadArgument, "there is no place for the session: null");
    (void)api::checked(model);
    const auto options = api::read_struct(given, ofer_session_options OFER_SESSION_OPTIONS_INIT,
                                          "ofer_session_options");
    const std::int32_t batch =
        options.largest_batch == 0 ? api::kUsualBatch : options.largest_batch;
    *session = new ofer_session(model->self, api::options_of(options, model->log),
                                static_cast<std::size_t>(batch));
  });
}

void ofer_session_free(ofer_session* session) noexcept {
  if (!session || session->mark != ofer_session::kAlive) return;
  using State = ofer_session::State;
  State expected = State::kInCall;
  if (!session->state.compare_exchange_strong(expected, State::kInCallThenEnds) &&
      expected == State::kIdle)
    delete session;
}

const char* ofer_session_error(const ofer_session* session) noexcept {
  if (!session) return "the session is null";
  if (session->mark != ofer_session::kAlive)
    return "this is no session, or one that has ended (ofer_session_free)";
  return session->last_error.data();
}

float ofer_session_radius(const ofer_session* session) noexcept {
  if (!session || session->mark != ofer_session::kAlive) return 0;
  return static_cast<float>(session->pipeline.network().detector().radius());
}

ofer_status ofer_session_cancel(ofer_session* session) noexcept {
  if (!session || session->mark != ofer_session::kAlive) return OFER_BAD_ARGUMENT;
  session->pipeline.session().cancel();
  return OFER_OK;
}

ofer_status ofer_session_wait(ofer_session* session) noexcept {
  return ofer::api::with_session(session, [](ofer_session& s) {
    s.pipeline.session().require_uncaptured("waiting for a session");
    s.pipeline.session().synchronise();
  });
}

ofer_status ofer_session_set_progress(ofer_session* session, ofer_progress_callback progress,
                                      void* user) noexcept {
  return ofer::api::with_session(session, [progress, user](ofer_session& s) {
    if (!progress) return s.pipeline.set_progress({});
    s.pipeline.set_progress([&s, progress, user](ofer::Stage stage) {
      const std::int32_t returned = progress(
          user, static_cast<std::int32_t>(stage) + OFER_STAGE_DETECT, s.turn_first, s.turn_count);
      if (returned != 0) ofer::api::broken_off("progress", returned);
    });
  });
}

ofer_status ofer_session_set_tap(ofer_session* session, ofer_tap_callback tap,
                                 ofer_tap_filter wanted, void* user) noexcept {
  return ofer::api::with_session(session, [=](ofer_session& s) {
    if (!tap) return s.pipeline.session().set_tap({});
    ofer::TapFilter filter;
    if (wanted)
      filter = [wanted, user](std::string_view name) {
        return wanted(user, std::string(name).c_str()) != 0;
      };
    s.pipeline.session().set_tap(
        [&s, tap, user](std::string_view name, const ofer::Tensor& tensor) {
          ofer::api::show(s, tap, user, name, tensor);
        },
        std::move(filter));
  });
}

ofer_status ofer_session_grad_cam_size(ofer_session* session, const char* layer, int32_t* rows,
                                       int32_t* columns) noexcept {
  return ofer::api::with_session(session, [=](ofer_session& s) {
    ofer::require(rows && columns, ofer::ErrorCode::kBadArgument,
                  "there is no place for the rows and columns: null");
    const ofer::Pipeline::MapSize size = s.pipeline.grad_cam_size(layer ? layer : "");
    *rows = static_cast<std::int32_t>(size.rows);
    *columns = static_cast<std::int32_t>(size.columns);
  });
}

ofer_status ofer_session_times(ofer_session* session, ofer_times* times) noexcept {
  return ofer::api::with_session(session, [times](ofer_session& s) {
    const ofer_times told = {sizeof told, s.times.detect, s.times.reconstruct, s.times.recognise,
                             s.times.total};
    ofer::api::write_struct(told, times, "ofer_times");
  });
}

}  // extern "C"
