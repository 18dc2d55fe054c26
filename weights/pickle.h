// A pickle's data, read without running anything: the opcodes that dictionaries of tensors need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/error.h"

namespace ofer {

// A value of a pickle: what it holds lies in the pickle's bytes, in the Pickle's lists, or with the
// host.
struct PickleValue {
  enum class Kind : std::uint8_t {
    kNone,
    kBool,
    kInteger,      // of at most 64 bits
    kLongInteger,  // of more: its bytes, two's complement, little-endian
    kFloat,
    kText,  // not checked to be UTF-8
    kBytes,
    kTuple,
    kList,
    kDict,
    kGlobal,  // a name that the host knows
    kObject   // something that the host has made
  };
  using enum Kind;

  Kind kind = kNone;
  std::uint32_t tag = 0;   // of kGlobal and kObject: the host's. Of kDict: 1, an OrderedDict.
  std::uint64_t bits = 0;  // number, place and length, number of a list, or the host's

  bool is(Kind other) const { return kind == other; }
  std::int64_t integer() const { return static_cast<std::int64_t>(bits); }
  double real() const;
};
static_assert(sizeof(PickleValue) == 16);

// "a list", "a number", ... for messages.
const char* describe(PickleValue::Kind kind);

class Pickle;

// What a pickle's names mean. Every name, call and reference of a pickle goes through its host,
// which refuses (Pickle::bad) what it does not know.
class PickleHost {
 public:
  virtual ~PickleHost() = default;
  // What stands for module.name.
  virtual PickleValue global(Pickle& pickle, std::string_view module, std::string_view name) = 0;
  // What `callable` (a kGlobal) makes of a tuple of arguments.
  virtual PickleValue call(Pickle& pickle, PickleValue callable, PickleValue arguments) = 0;
  // `state` is handed to `object`, a kObject or an OrderedDict.
  virtual void build(Pickle& pickle, PickleValue object, PickleValue state) = 0;
  // What lies outside the pickle under `id`.
  virtual PickleValue persistent(Pickle& pickle, PickleValue id) = 0;
};

// One pickle, protocol 2 to 5. Its opcodes are the ones that torch.save writes for dictionaries,
// lists, tuples, text, numbers and tensors; any other is refused by name. No object is made but by
// the host. Values may refer to each other in circles; whoever walks them must mind that.
//
// Every length is checked against the bytes that are left before anything is taken; memory stays
// below a fixed multiple of the pickle's size, by the limits below.
class Pickle {
 public:
  static constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
  static constexpr std::size_t kMaxStack = std::size_t{1} << 20;
  static constexpr std::size_t kMaxMarks = 256;                   // groups open at one time
  static constexpr std::size_t kMaxLists = std::size_t{2} << 20;  // tuples and dictionaries too
  static constexpr std::size_t kMaxItems = std::size_t{8} << 20;  // in all; and one for each byte
  static constexpr std::size_t kMaxMemo = std::size_t{4} << 20;
  static constexpr std::size_t kMaxName = 256;  // bytes of a module or of a global's name

  // Reads the pickle that `bytes` begin with, which must outlive this. `what` begins every message
  // ("a.pt: data.pkl"). Throws kBadFile.
  Pickle(std::span<const std::byte> bytes, std::string what, PickleHost& host);

  PickleValue top() const { return top_; }
  // Bytes up to its end; more may follow.
  std::size_t size() const { return at_; }

  // Of kText, kBytes and kLongInteger.
  std::string_view text(PickleValue value) const;
  // Of kTuple, kList, and kDict: key, value, key, value, ...
  std::span<const PickleValue> items(PickleValue value) const { return lists_[value.bits]; }
  // For a host: a dictionary with these items, key, value, ...
  PickleValue ordered_dict(std::vector<PickleValue> items);

  // Throws kBadFile: "WHAT: byte N: ...", N where the opcode at hand begins.
  template <class... Pieces>
  [[noreturn]] void bad(const Pieces&... pieces) const {
    fail(ErrorCode::kBadFile, what_, ": byte ", opcode_at_, ": ", pieces...);
  }

 private:
  enum class Step { kOn, kStop };
  Step step(PickleHost& host);
  void stack_step(unsigned char opcode, PickleHost& host);

  std::uint64_t number(std::size_t width);
  PickleValue slice(PickleValue::Kind kind, std::uint64_t length);
  std::string_view line();
  void push(PickleValue value);
  PickleValue pop();
  PickleValue& top_of_stack();
  std::size_t pop_mark();
  void count_items(std::size_t added);
  PickleValue make_list(PickleValue::Kind kind, std::vector<PickleValue> items);
  PickleValue tuple(std::size_t count);
  void extend(PickleValue::Kind kind, std::size_t first);
  void memoize(std::uint64_t index);
  void recall(std::uint64_t index);
  PickleValue long_integer(std::uint64_t length);
  PickleValue global(PickleHost& host, std::string_view module, std::string_view name);

  std::span<const std::byte> bytes_;
  std::string what_;
  std::size_t at_ = 0, opcode_at_ = 0;
  std::size_t item_count_ = 0;  // in all lists
  std::vector<PickleValue> stack_, memo_;
  std::vector<std::size_t> marks_;  // stack sizes
  std::vector<std::vector<PickleValue>> lists_;
  PickleValue top_;
};

}  // namespace ofer
