// PyTorch's zip (since 1.6):
//
//   ROOT/data.pkl     the object; storage KEY is the reference ("storage", type, KEY, device,
//   elements) ROOT/data/KEY     a storage's elements ROOT/byteorder    "little" or "big"
//   (since 2.1) ROOT/version, ROOT/.data/serialization_id, ...    nothing that a tensor depends on
#include <cstring>
#include <string>

#include "engine/error.h"
#include "weights/checkpoint_part.h"
#include "weights/strict_json.h"
#include "weights/torch_listing.h"
#include "weights/torch_objects.h"
#include "weights/zip.h"

namespace ofer {
namespace {

// The folder that everything is in, with its slash.
std::string root_of(const ZipArchive& archive, const std::string& file) {
  constexpr std::string_view kPickle = "data.pkl";
  std::string root;
  for (const ZipEntry& entry : archive.entries()) {
    const std::size_t slash = entry.name.find('/');
    if (slash == entry.name.npos || entry.name.substr(slash + 1) != kPickle) continue;
    require(root.empty(), ErrorCode::kBadFile, file, ": zip: holds two objects, ",
            printable(root + std::string(kPickle)), " and ", printable(entry.name));
    root = entry.name.substr(0, slash + 1);
  }
  require(!root.empty(), ErrorCode::kBadFile, file,
          ": a zip archive, but not of torch.save (it holds no FOLDER/data.pkl)");
  return root;
}

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

CheckpointPart read_torch_zip(const CheckpointSource& source) {
  const std::string& file = source.name();
  const ZipArchive archive(source.bytes(), file);
  const std::string root = root_of(archive, file);
  require(!archive.find(root + "constants.pkl"), ErrorCode::kBadFile, file,
          ": a TorchScript archive, which holds a program; in Python, "
          "torch.save(torch.jit.load(FILE).state_dict(), ...)");
  if (const ZipEntry* order = archive.find(root + "byteorder")) {
    const std::string_view text = text_of(archive.content(*order));
    require(text == "little", ErrorCode::kBadFile, file, ": its numbers' byte order is ",
            printable(text), "; only \"little\" is read");
  }
  const ZipEntry& entry = *archive.find(root + "data.pkl");
  require(entry.size <= Pickle::kMaxBytes, ErrorCode::kBadFile, file, ": its data.pkl has ",
          entry.size, " bytes; at most ", Pickle::kMaxBytes, " are read");
  TorchObjects objects;
  const Pickle pickle(archive.content(entry), file + ": data.pkl", objects);
  require(pickle.size() == entry.size, ErrorCode::kBadFile, file,
          ": data.pkl: ", entry.size - pickle.size(), " bytes behind its end");

  std::vector<std::uint64_t> offsets;
  for (const TorchStorage& storage : objects.storages()) {
    const ZipEntry* data = archive.find(root + "data/" + std::string(storage.key));
    require(data != nullptr, ErrorCode::kBadFile, file, ": storage ", printable(storage.key),
            " is missing");
    require(data->size == storage.bytes, ErrorCode::kBadFile, file, ": storage ",
            printable(storage.key), " should have ", storage.bytes, " bytes and has ", data->size);
    offsets.push_back(data->offset);
  }
  CheckpointPart part = list_tensors(pickle, objects, offsets, file);
  part.format = "PyTorch zip";
  return part;
}

}  // namespace ofer
