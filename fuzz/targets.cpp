#include "fuzz/targets.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/image_io.h"
#include "tests/support/zip_builder.h"
#include "weights/checkpoint.h"
#include "weights/safetensors.h"
#include "weights/strict_json.h"
#include "weights/weight_file.h"
#include "weights/zip.h"

namespace ofer::fuzz {
namespace {

// Runs `action`; an error that is not the input's fault stops the program, as does a message of
// several lines.
template <class Action>
void accept(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    const bool blames_input =
        error.code() == ErrorCode::kBadFile || error.code() == ErrorCode::kUnsupported;
    const std::string text = error.what();
    if (!blames_input || text.find('\n') != text.npos) std::abort();
  }
}

// Lists and reads: the first and last elements of every tensor, in both precisions.
void read_all(const Checkpoint& checkpoint) {
  constexpr std::int64_t kMost = 64;
  for (const CheckpointTensor& tensor : checkpoint.tensors()) {
    if (checkpoint.find(tensor.name) != &tensor) std::abort();
    checkpoint.number(tensor.name);
    if (!tensor.numeric) continue;
    const std::int64_t count = std::min(tensor.shape.elements(), kMost);
    std::vector<float> singles(static_cast<std::size_t>(count));
    std::vector<double> doubles(static_cast<std::size_t>(count));
    checkpoint.read(tensor, 0, std::span(singles));
    checkpoint.read(tensor, tensor.shape.elements() - count, std::span(doubles));
  }
}

}  // namespace

void zip(Bytes bytes) {
  accept([&] {
    const ZipArchive archive(bytes, "input");
    std::size_t sum = 0;
    for (const ZipEntry& entry : archive.entries()) {
      if (archive.find(entry.name) != &entry) std::abort();
      const auto content = archive.content(entry);
      sum += content.size();
      if (!content.empty() && (content.front() == std::byte{1}) != (content.back() == std::byte{1}))
        sum += 0;  // both ends are touched
    }
    if (sum > bytes.size()) std::abort();  // more content than file: something overlaps
  });
}

void torch_zip(Bytes bytes) {
  // Storages of several sizes, so that some of what the pickle asks for is there.
  const std::string object(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<std::pair<std::string, std::string>> files = {{"r/data.pkl", object}};
  for (int key = 0; key < 24; ++key)
    files.emplace_back(
        "r/data/" + std::to_string(key),
        std::string(static_cast<std::size_t>(key % 6 == 0 ? 24 : 8 * (key % 6)), '\1'));
  const std::string archive = test::zip_of(files).bytes();
  checkpoint(std::as_bytes(std::span(archive)));
}

void torch_stream(Bytes bytes) {
  checkpoint(bytes);
}

void safetensors(Bytes bytes) {
  accept([&] {
    const SafetensorsFile file = SafetensorsFile::from_bytes(bytes, "input");
    for (const SafetensorsEntry& entry : file.entries()) {
      if (file.find(entry.name) != &entry) std::abort();
      (void)file.bytes(entry).size();
      (void)printable(entry.name);
    }
  });
}

void weight_file(Bytes bytes) {
  // Without the checksum, which no mutation would pass.
  accept([&] { load_weights(SafetensorsFile::from_bytes(bytes, "input"), {false}); });
}

void checkpoint(Bytes bytes) {
  accept([&] { read_all(Checkpoint::from_bytes(bytes, "input")); });
}

void image(Bytes bytes) {
  accept([&] {
    const std::span<const std::uint8_t> data(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                             bytes.size());
    decode_image(data, "input");
  });
}

}  // namespace ofer::fuzz
