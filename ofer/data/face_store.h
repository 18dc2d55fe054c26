// The faces of a data set, decoded and at one size.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/image.h"
#include "ofer/data/dataset.h"

namespace ofer {

struct FaceStoreOptions {
  // Every face is resized to side x side once (engine/image_resize.h), whatever its shape, as the
  // pipeline does with its pictures.
  int side = 128;
  // Faces are kept, 3 side^2 bytes each, until this many bytes are taken; the others are decoded
  // again whenever they are asked for.
  std::size_t memory_limit = std::size_t{1} << 30;
};

// Which faces are kept follows from their index alone: the first ones that fit. A run asks for
// every face once an epoch, so that no other choice would be hit more often. May be used by several
// threads at once; what it gives depends on nothing but the files.
class FaceStore {
 public:
  // `dataset` is borrowed. Throws kBadArgument for a side below 1 or one that no picture may have.
  FaceStore(const Dataset& dataset, const FaceStoreOptions& options);
  ~FaceStore();
  FaceStore(const FaceStore&) = delete;
  FaceStore& operator=(const FaceStore&) = delete;

  const Dataset& dataset() const { return dataset_; }
  std::size_t size() const { return count_; }
  int side() const { return options_.side; }
  // How many of them are kept once they have been read.
  std::size_t kept() const { return kept_; }

  // Face i as 8-bit RGB, interleaved, into 3 * side * side bytes. False when its picture cannot be
  // read; that is counted in the report the first time. kOutOfMemory is thrown: it is not the
  // picture's fault.
  bool read(std::size_t i, std::uint8_t* pixels) const;
  // The same as a picture, empty when it cannot be read.
  Image face(std::size_t i) const;

  // Reads every face once, on this many threads, so that the report is complete and read() of the
  // kept ones never waits for a file again. Throws what read throws.
  void check_all(int threads) const;

  // Indices of the faces that are not known to be unreadable.
  std::vector<std::size_t> usable() const;
  // What could not be read so far. The examples are those of the lowest indices, not of the first
  // to be read.
  DataReport report() const;

 private:
  Image decode(std::size_t i) const;
  void note_failure(std::size_t i, const std::string& what) const;

  const Dataset& dataset_;
  FaceStoreOptions options_;
  std::size_t count_, bytes_, kept_;
  // Null until a thread has put a face there; it never changes again.
  std::unique_ptr<std::atomic<std::uint8_t*>[]> faces_;
  std::unique_ptr<std::atomic<bool>[]> bad_;
  mutable std::mutex mutex_;  // of what follows
  mutable std::size_t failures_ = 0;
  mutable std::map<std::size_t, std::string> first_failures_;
};

}  // namespace ofer
