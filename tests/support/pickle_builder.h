// Pickles and checkpoints made opcode by opcode.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/zip_builder.h"

namespace ofer::test {

inline std::string pickle(const std::string& opcodes, char protocol = 2) {
  return std::string("\x80") + protocol + opcodes + ".";
}
inline std::string unicode(const std::string& text) {
  return "X" + le(static_cast<std::uint32_t>(text.size())) + text;
}
inline std::string name(const std::string& module, const std::string& what) {
  return "c" + module + "\n" + what + "\n";
}
inline std::string whole(std::int64_t value) {
  return std::string("\x8a\x08") + le(value);
}
inline std::string tuple(const std::vector<std::int64_t>& values) {
  std::string bytes = "(";
  for (const std::int64_t value : values) bytes += whole(value);
  return bytes + "t";
}

// What a test may say of a tensor's pickle.
struct PickledTensor {
  std::string key = "0", type = "FloatStorage";
  std::int64_t storage_elements = 6, offset = 0;
  std::vector<std::int64_t> shape = {2, 3}, strides = {3, 1};
  bool old = false;  // with the sixth part of the reference that the stream has

  std::string reference() const {
    return "(" + unicode("storage") + name("torch", type) + unicode(key) + unicode("cpu") +
           whole(storage_elements) + (old ? "N" : "") + "tQ";
  }
  std::string bytes() const {
    return name("torch._utils", "_rebuild_tensor_v2") + "(" + reference() + whole(offset) +
           tuple(shape) + tuple(strides) + "\x89" + name("collections", "OrderedDict") + ")RtR";
  }
};

// A dictionary of one tensor.
inline std::string dictionary_of(const PickledTensor& tensor, const std::string& key = "x") {
  return pickle("}" + unicode(key) + tensor.bytes() + "s");
}

using Files = std::vector<std::pair<std::string, std::string>>;

// PyTorch's zip with this object and these storages.
inline std::string torch_zip(const std::string& object, const Files& storages = {},
                             const Files& more = {}) {
  Files files = {{"root/data.pkl", object}};
  for (const auto& [key, data] : storages) files.emplace_back("root/data/" + key, data);
  files.insert(files.end(), more.begin(), more.end());
  return zip_of(files).bytes();
}

struct StreamStorage {
  std::string key;
  std::uint64_t elements;
  std::string data;
};

inline std::string stream_head(bool little = true, std::int64_t protocol = 1001) {
  return pickle(std::string("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")) +
         pickle(whole(protocol)) +
         pickle("}" + unicode("little_endian") + (little ? "\x88" : "\x89") + "s");
}
inline std::string torch_stream(const std::string& object,
                                const std::vector<StreamStorage>& storages) {
  std::string keys = "](";
  for (const StreamStorage& storage : storages) keys += unicode(storage.key);
  std::string bytes = stream_head() + object + pickle(keys + "e");
  for (const StreamStorage& storage : storages) bytes += le(storage.elements) + storage.data;
  return bytes;
}

}  // namespace ofer::test
