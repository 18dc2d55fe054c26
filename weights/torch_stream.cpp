// PyTorch's older serialisation (before 1.6, or with _use_new_zipfile_serialization=False):
//
//   file    = magic protocol system object keys (elements data)*
//   magic, protocol, system, object, keys    pickles, one behind the other
//   system  = {"little_endian": True, ...}
//   keys    = list of the storages' names, in the order in which their data follows
//   elements = 8 bytes, little-endian; data = the elements of one storage
#include <algorithm>
#include <cstring>
#include <string>

#include "engine/error.h"
#include "weights/checkpoint_part.h"
#include "weights/strict_json.h"
#include "weights/torch_listing.h"
#include "weights/torch_objects.h"

namespace ofer {
namespace {

using Kind = PickleValue::Kind;

// 0x1950a86a20f9469cfc6c
constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";
constexpr std::int64_t kProtocol = 1001;

// For the pickles that hold plain values only.
class NoObjects : public PickleHost {
 public:
  PickleValue global(Pickle& pickle, std::string_view module, std::string_view name) override {
    pickle.bad("the name ", printable(std::string(module) + "." + std::string(name)),
               " is refused; nothing in a checkpoint is run");
  }
  PickleValue call(Pickle& pickle, PickleValue, PickleValue) override {
    pickle.bad("a call is refused");
  }
  void build(Pickle& pickle, PickleValue, PickleValue) override {
    pickle.bad("an object's state is refused");
  }
  PickleValue persistent(Pickle& pickle, PickleValue) override {
    pickle.bad("a reference is refused");
  }
};

class StreamReader {
 public:
  explicit StreamReader(const CheckpointSource& source)
      : file_(source.name()), rest_(source.bytes()), size_(source.bytes().size()) {}

  CheckpointPart read() {
    check_head();
    TorchObjects objects;
    const Pickle object(rest_, file_ + ": object", objects);
    rest_ = rest_.subspan(object.size());
    CheckpointPart part = list_tensors(object, objects, storages(objects), file_);
    part.format = "PyTorch stream";
    return part;
  }

 private:
  Pickle plain(const char* what) {
    NoObjects host;
    Pickle pickle(rest_, file_ + ": " + what, host);
    rest_ = rest_.subspan(pickle.size());
    return pickle;
  }

  void check_head() {
    const Pickle magic = plain("magic number");
    require(magic.top().is(Kind::kLongInteger) && magic.text(magic.top()) == kMagic,
            ErrorCode::kBadFile, file_,
            ": a pickle, but not one of torch.save (wrong magic number)");
    const Pickle protocol = plain("protocol");
    require(protocol.top().is(Kind::kInteger) && protocol.top().integer() == kProtocol,
            ErrorCode::kBadFile, file_, ": not version ", kProtocol, " of PyTorch's stream");
    const Pickle system = plain("system");
    bool little = false;
    if (system.top().is(Kind::kDict)) {
      const auto items = system.items(system.top());
      for (std::size_t i = 0; i < items.size(); i += 2)
        if (items[i].is(Kind::kText) && system.text(items[i]) == "little_endian")
          little = items[i + 1].is(Kind::kBool) && items[i + 1].bits == 1;
    }
    require(little, ErrorCode::kBadFile, file_,
            ": its numbers' byte order is not little-endian; no other is read");
  }

  // Where each storage begins. Their data must fill the file to its end.
  std::vector<std::uint64_t> storages(const TorchObjects& objects) {
    const Pickle keys = plain("storage keys");
    require(keys.top().is(Kind::kList), ErrorCode::kBadFile, file_, ": no list of storages");
    const std::size_t count = objects.storages().size();
    std::vector<std::uint64_t> offsets(count);
    std::vector<bool> seen(count);
    for (const PickleValue key : keys.items(keys.top())) {
      require(key.is(Kind::kText), ErrorCode::kBadFile, file_, ": a storage's key is not text");
      const std::string_view name = keys.text(key);
      const std::int64_t found = objects.find(name);
      require(found >= 0, ErrorCode::kBadFile, file_, ": storage ", printable(name),
              " has data, but no tensor refers to it");
      const auto index = static_cast<std::size_t>(found);
      require(!seen[index], ErrorCode::kBadFile, file_, ": storage ", printable(name),
              " is there twice");
      seen[index] = true;
      offsets[index] = skip(objects.storages()[index]);
    }
    const auto missing = std::find(seen.begin(), seen.end(), false);
    if (missing != seen.end())
      fail(ErrorCode::kBadFile, file_, ": storage ",
           printable(objects.storages()[static_cast<std::size_t>(missing - seen.begin())].key),
           " is missing");
    require(rest_.empty(), ErrorCode::kBadFile, file_, ": ", rest_.size(),
            " bytes behind the last storage");
    return offsets;
  }

  // Passes over one storage; returns where its data begins.
  std::uint64_t skip(const TorchStorage& storage) {
    std::uint64_t elements = 0;
    require(rest_.size() >= sizeof(elements), ErrorCode::kBadFile, file_,
            ": is cut short before storage ", printable(storage.key));
    std::memcpy(&elements, rest_.data(), sizeof(elements));
    rest_ = rest_.subspan(sizeof(elements));
    require(elements == storage.elements, ErrorCode::kBadFile, file_, ": storage ",
            printable(storage.key), " should have ", storage.elements, " elements and has ",
            elements);
    require(storage.bytes <= rest_.size(), ErrorCode::kBadFile, file_, ": is cut short: storage ",
            printable(storage.key), " has ", storage.bytes, " bytes, but only ", rest_.size(),
            " are left");
    const std::uint64_t offset = size_ - rest_.size();
    rest_ = rest_.subspan(static_cast<std::size_t>(storage.bytes));
    return offset;
  }

  const std::string& file_;
  std::span<const std::byte> rest_;
  std::size_t size_;
};

}  // namespace

CheckpointPart read_torch_stream(const CheckpointSource& source) {
  return StreamReader(source).read();
}

}  // namespace ofer
