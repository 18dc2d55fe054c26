#include "ofer/data/face_store.h"

#include <algorithm>
#include <array>
#include <exception>
#include <fstream>
#include <iterator>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/error.h"
#include "engine/image_io.h"
#include "engine/image_resize.h"
#include "ofer/data/pixel_text.h"

namespace ofer {

namespace {

Image read_pixel_text(const Sample& sample) {
  const std::string name = quotable(sample.path.string());
  std::ifstream file(sample.path, std::ios::binary);
  require(file.is_open(), ErrorCode::kIo, name, ": cannot open");
  std::string text(static_cast<std::size_t>(sample.length), '\0');
  file.seekg(sample.offset);
  file.read(text.data(), sample.length);
  std::array<std::uint8_t, kPixelTextValues> values;
  require(file.gcount() == sample.length && parse_pixel_text(text, values), ErrorCode::kBadFile,
          name, ": no 48 x 48 pixels at byte ", sample.offset, "; was it changed meanwhile?");
  Image image(kPixelTextSide, kPixelTextSide);
  for (std::size_t i = 0; i < values.size(); ++i)
    std::fill_n(image.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, values[i]);
  return image;
}

}  // namespace

FaceStore::FaceStore(const Dataset& dataset, const FaceStoreOptions& options)
    : dataset_(dataset), options_(options), count_(dataset.samples.size()) {
  const Image one(options.side, options.side);  // refuses sides that no picture may have
  bytes_ = one.pixels.size();
  kept_ = std::min(count_, options.memory_limit / bytes_);
  faces_ = std::make_unique<std::atomic<std::uint8_t*>[]>(kept_);
  bad_ = std::make_unique<std::atomic<bool>[]>(count_);
}

FaceStore::~FaceStore() {
  for (std::size_t i = 0; i < kept_; ++i) delete[] faces_[i].load();
}

Image FaceStore::decode(std::size_t i) const {
  const Sample& sample = dataset_.samples[i];
  const Image image = sample.length > 0 ? read_pixel_text(sample) : load_image(sample.path);
  return resize_image(image, options_.side, options_.side);
}

void FaceStore::note_failure(std::size_t i, const std::string& what) const {
  if (bad_[i].exchange(true)) return;
  const std::lock_guard lock(mutex_);
  ++failures_;
  first_failures_.emplace(i, what);
  if (first_failures_.size() > dataset_.report.shown())
    first_failures_.erase(std::prev(first_failures_.end()));
}

bool FaceStore::read(std::size_t i, std::uint8_t* pixels) const {
  require(i < count_, ErrorCode::kBadArgument, "face ", i, " of ", count_);
  if (i < kept_)
    if (const std::uint8_t* face = faces_[i].load(std::memory_order_acquire)) {
      std::copy_n(face, bytes_, pixels);
      return true;
    }
  if (bad_[i].load(std::memory_order_relaxed)) return false;
  Image image;
  try {
    image = decode(i);
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kOutOfMemory) throw;
    note_failure(i, error.what());
    return false;
  } catch (const std::bad_alloc&) {
    fail(ErrorCode::kOutOfMemory, quotable(dataset_.samples[i].path.string()),
         ": not enough memory for this picture");
  }
  std::copy_n(image.pixels.data(), bytes_, pixels);
  if (i < kept_) {
    auto* copy = new (std::nothrow) std::uint8_t[bytes_];
    require(copy != nullptr, ErrorCode::kOutOfMemory, "not enough memory to keep ", kept_,
            " faces of ", bytes_, " bytes; lower the memory limit");
    std::copy_n(image.pixels.data(), bytes_, copy);
    // Two threads may have decoded the same face; the bytes are the same, and the first stays.
    std::uint8_t* none = nullptr;
    if (!faces_[i].compare_exchange_strong(none, copy, std::memory_order_acq_rel)) delete[] copy;
  }
  return true;
}

Image FaceStore::face(std::size_t i) const {
  Image image(options_.side, options_.side);
  return read(i, image.pixels.data()) ? image : Image();
}

void FaceStore::check_all(int threads) const {
  require(threads >= 1, ErrorCode::kBadArgument, threads, " threads; at least 1 is needed");
  std::atomic<std::size_t> next{0};
  std::mutex error_mutex;
  std::exception_ptr error;
  const auto work = [&] {
    try {
      std::vector<std::uint8_t> pixels(bytes_);
      for (std::size_t i; (i = next.fetch_add(1)) < count_;) read(i, pixels.data());
    } catch (...) {
      next.store(count_);
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
    }
  };
  std::vector<std::thread> workers;
  try {
    for (int t = 1; t < threads; ++t) workers.emplace_back(work);
  } catch (const std::system_error&) {
    // The system gives no more threads; those there are suffice.
  }
  work();
  for (std::thread& worker : workers) worker.join();
  if (error) std::rethrow_exception(error);
}

std::vector<std::size_t> FaceStore::usable() const {
  std::vector<std::size_t> good;
  for (std::size_t i = 0; i < count_; ++i)
    if (!bad_[i].load(std::memory_order_relaxed)) good.push_back(i);
  return good;
}

DataReport FaceStore::report() const {
  const std::lock_guard lock(mutex_);
  DataReport report(dataset_.report.shown());
  for (const auto& [i, what] : first_failures_) report.add(DataProblem::kBadImage, what);
  if (failures_ > first_failures_.size())
    report.add(DataProblem::kBadImage, "", failures_ - first_failures_.size());
  return report;
}

}  // namespace ofer
