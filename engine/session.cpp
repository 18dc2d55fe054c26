#include "engine/session.h"

#include "engine/cores.h"

namespace ofer {

namespace {

constexpr int kMostThreads = 1024;

int thread_count(int asked) {
  require(asked >= 0 && asked <= kMostThreads, ErrorCode::kBadArgument, "threads: ", asked,
          " is not between 1 and ", kMostThreads, " (0: one for each core)");
  return threads_or_cores(asked);
}

std::unique_ptr<kernels::Stream> open_stream(const Backend& backend, const SessionOptions& options,
                                             int threads) {
  if (!options.stream) return backend.make_stream(options.device, threads);
  require(backend.borrow_stream != nullptr, ErrorCode::kBadArgument, "device ", backend.name,
          " takes no stream of the caller's; only cuda does");
  return backend.borrow_stream(options.device, options.stream);
}

}  // namespace

Session::Session(const SessionOptions& options)
    : options_(options),
      backend_(&backend_of(options.device.kind)),
      threads_(thread_count(options.threads)),
      stream_(on_device([&] { return open_stream(*backend_, options, threads_); })),
      workspace_(options.device),
      resize_axes_(*backend_, options.device, dtype()) {
  require_precision(*backend_, *stream_, options.precision);
  const bool mixed = options.precision == Precision::kMixed;
  stream_->set_tf32(options.precision == Precision::kTf32 || mixed);
  stream_->set_bf16((options.precision == Precision::kBf16 && dtype() == DType::kF32) || mixed);
}

void Session::queue_to_device(const Tensor& tensor, const void* host) {
  if (counting()) return;
  OFER_ASSERT(!capturing_);
  on_device([&] { backend_->to_device(tensor.raw(), host, tensor.bytes(), *stream_); });
}

void Session::queue_to_host(const Tensor& tensor, void* host) {
  if (counting()) return;
  OFER_ASSERT(!capturing_);
  on_device([&] { backend_->to_host(host, tensor.raw(), tensor.bytes(), *stream_); });
}

void Session::replace_backend(const Backend* backend) {
  OFER_ASSERT(!counting() && !recording_ && !capturing_);
  OFER_ASSERT(!backend || backend->kind == device().kind);
  backend_ = backend ? backend : &backend_of(device().kind);
  replaced_ = backend != nullptr;
}

void Session::tap(std::string_view name, Tensor& tensor) {
  check_cancelled();
  if (!tap_ && !watches_) return;
  const std::size_t length = path_.size();
  if (length > 0 && !name.empty()) path_ += '/';
  path_ += name;
  if (watches_ && recording_)
    for (Watch& watch : *watches_)
      if (watch.name == path_) {
        tape_.watch(tensor);
        watch.seen = tensor;
      }
  if (tap_ && !counting() && (!tap_wanted_ || tap_wanted_(path_))) {
    if (tensor.device().host_accessible()) {
      tap_(path_, tensor);
    } else {
      staging_.resize(tensor.bytes());
      to_host(tensor, staging_.data());
      tap_(path_, Tensor(staging_.data(), tensor.shape(), tensor.dtype()));
    }
  }
  path_.resize(length);
}

bool Session::tapping(std::string_view name) const {
  if (!tap_ || !tap_wanted_) return tapping();
  std::string full = path_;
  if (!full.empty() && !name.empty()) full += '/';
  full += name;
  return tap_wanted_(full);
}

Session::Path::Path(Session& session, std::string_view piece, int number, int digits)
    : session_(session), length_(session.path_.size()) {
  std::string& path = session.path_;
  if (length_ > 0) path += '/';
  path += piece;
  if (number >= 0) {
    const std::string text = std::to_string(number);
    if (text.size() < static_cast<std::size_t>(digits))
      path.append(static_cast<std::size_t>(digits) - text.size(), '0');
    path += text;
  }
}

}  // namespace ofer
