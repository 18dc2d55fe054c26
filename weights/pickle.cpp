#include "weights/pickle.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "weights/pickle_opcodes.h"
#include "weights/strict_json.h"

namespace ofer {
namespace {

using Kind = PickleValue::Kind;

constexpr int kLengthBits = 32;  // place and length of a slice share 64 bits
static_assert(Pickle::kMaxBytes < std::uint64_t{1} << kLengthBits);

// Keys that Python can hash, and that a dictionary of tensors may have.
bool is_key(PickleValue value) {
  switch (value.kind) {
    case Kind::kNone:
    case Kind::kBool:
    case Kind::kInteger:
    case Kind::kLongInteger:
    case Kind::kFloat:
    case Kind::kText:
    case Kind::kBytes:
    case Kind::kTuple:
      return true;
    default:
      return false;
  }
}

}  // namespace

double PickleValue::real() const {
  return std::bit_cast<double>(bits);
}

const char* describe(Kind kind) {
  switch (kind) {
    case Kind::kNone:
      return "None";
    case Kind::kBool:
      return "a truth value";
    case Kind::kInteger:
    case Kind::kLongInteger:
      return "a whole number";
    case Kind::kFloat:
      return "a number";
    case Kind::kText:
      return "text";
    case Kind::kBytes:
      return "bytes";
    case Kind::kTuple:
      return "a tuple";
    case Kind::kList:
      return "a list";
    case Kind::kDict:
      return "a dictionary";
    case Kind::kGlobal:
      return "a name";
    case Kind::kObject:
      return "an object";
  }
  return "?";
}

Pickle::Pickle(std::span<const std::byte> bytes, std::string what, PickleHost& host)
    : bytes_(bytes.first(std::min(bytes.size(), kMaxBytes))), what_(std::move(what)) {
  lists_.emplace_back();  // number 0: every empty tuple
  if (bytes_.empty() || static_cast<unsigned char>(bytes_[0]) != kProto)
    bad("not a pickle of protocol 2 or later");
  at_ = 1;
  const std::uint64_t protocol = number(1);
  if (protocol < 2 || protocol > 5)
    bad("pickle protocol ", protocol, "; 2 to 5 are read, and torch.save writes 2");
  while (step(host) == Step::kOn) {
  }
  // What only the way to the end needed.
  stack_ = {};
  memo_ = {};
  marks_ = {};
}

std::string_view Pickle::text(PickleValue value) const {
  const std::size_t place = static_cast<std::size_t>(value.bits >> kLengthBits);
  const std::size_t length = static_cast<std::size_t>(value.bits & 0xffffffffu);
  return {reinterpret_cast<const char*>(bytes_.data()) + place, length};
}

// An unsigned number of `width` bytes, at most 8.
std::uint64_t Pickle::number(std::size_t width) {
  if (bytes_.size() - at_ < width) bad("the pickle ends too early, or is longer than can be read");
  std::uint64_t value = 0;
  std::memcpy(&value, bytes_.data() + at_, width);
  at_ += width;
  return value;
}

PickleValue Pickle::slice(Kind kind, std::uint64_t length) {
  if (length > bytes_.size() - at_)
    bad(describe(kind), " of ", length, " bytes, but only ", bytes_.size() - at_, " are left");
  const PickleValue value{kind, 0, std::uint64_t{at_} << kLengthBits | length};
  at_ += static_cast<std::size_t>(length);
  return value;
}

// A module's or a global's name: bytes up to a line's end.
std::string_view Pickle::line() {
  const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_,
                              std::min(bytes_.size() - at_, kMaxName + 1));
  const std::size_t length = rest.find('\n');
  if (length == rest.npos) bad("a name of more than ", kMaxName, " bytes, or one that is cut off");
  at_ += length + 1;
  return rest.substr(0, length);
}

void Pickle::push(PickleValue value) {
  if (stack_.size() == kMaxStack) bad("more than ", kMaxStack, " values on the stack");
  stack_.push_back(value);
}

PickleValue Pickle::pop() {
  const PickleValue value = top_of_stack();
  stack_.pop_back();
  return value;
}

// Values below the innermost mark are out of reach.
PickleValue& Pickle::top_of_stack() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) bad("a value is missing on the stack");
  return stack_.back();
}

// Where the values above the innermost mark begin.
std::size_t Pickle::pop_mark() {
  if (marks_.empty()) bad("a mark is missing on the stack");
  const std::size_t first = marks_.back();
  marks_.pop_back();
  return first;
}

// No honest pickle has more values than bytes; one that hands the same list to call after call has.
void Pickle::count_items(std::size_t added) {
  const std::size_t limit = std::min(kMaxItems, bytes_.size());
  if (added > limit - item_count_) bad("more than ", limit, " values in lists and dictionaries");
  item_count_ += added;
}

PickleValue Pickle::make_list(Kind kind, std::vector<PickleValue> items) {
  if (kind == Kind::kTuple && items.empty()) return {kind, 0, 0};
  if (lists_.size() == kMaxLists) bad("more than ", kMaxLists, " lists and dictionaries");
  count_items(items.size());
  lists_.push_back(std::move(items));
  return {kind, 0, lists_.size() - 1};
}

PickleValue Pickle::ordered_dict(std::vector<PickleValue> items) {
  PickleValue value = make_list(Kind::kDict, std::move(items));
  value.tag = 1;
  return value;
}

// Of the `count` topmost values.
PickleValue Pickle::tuple(std::size_t count) {
  if (stack_.size() - (marks_.empty() ? 0 : marks_.back()) < count)
    bad("a value is missing on the stack");
  const auto first = stack_.end() - static_cast<std::ptrdiff_t>(count);
  std::vector<PickleValue> items(first, stack_.end());
  stack_.erase(first, stack_.end());
  return make_list(Kind::kTuple, std::move(items));
}

// Values [first, end) of the stack go into the list or dictionary below them.
void Pickle::extend(Kind kind, std::size_t first) {
  const std::size_t count = stack_.size() - first;
  const std::size_t floor = marks_.empty() ? 0 : marks_.back();
  if (first <= floor) bad("a value is missing on the stack");
  const PickleValue target = stack_[first - 1];
  if (!target.is(kind))
    bad("values for ", describe(kind), ", but ", describe(target.kind), " is there");
  const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(first);
  if (kind == Kind::kDict) {
    if (count % 2 != 0) bad("a key without a value");
    for (std::size_t i = first; i < stack_.size(); i += 2)
      if (!is_key(stack_[i])) bad(describe(stack_[i].kind), " as a dictionary's key");
  }
  count_items(count);
  std::vector<PickleValue>& items = lists_[target.bits];
  items.insert(items.end(), begin, stack_.end());
  stack_.erase(begin, stack_.end());
}

// Python numbers the places as it fills them; no other order is taken, so that a large number
// cannot ask for a large memo.
void Pickle::memoize(std::uint64_t index) {
  if (index > memo_.size()) bad("memo place ", index, ", but only ", memo_.size(), " are filled");
  if (index == kMaxMemo) bad("more than ", kMaxMemo, " places of the memo");
  const PickleValue value = top_of_stack();
  if (index == memo_.size())
    memo_.push_back(value);
  else
    memo_[static_cast<std::size_t>(index)] = value;
}

void Pickle::recall(std::uint64_t index) {
  if (index >= memo_.size()) bad("memo place ", index, " is empty");
  push(memo_[static_cast<std::size_t>(index)]);
}

PickleValue Pickle::long_integer(std::uint64_t length) {
  PickleValue value = slice(Kind::kLongInteger, length);
  if (length > 8) return value;
  const std::string_view digits = text(value);
  std::uint64_t bits = 0;
  std::memcpy(&bits, digits.data(), digits.size());
  const bool negative = !digits.empty() && (static_cast<unsigned char>(digits.back()) & 0x80) != 0;
  if (negative && length < 8) bits |= ~std::uint64_t{0} << (8 * length);
  return {Kind::kInteger, 0, bits};
}

PickleValue Pickle::global(PickleHost& host, std::string_view module, std::string_view name) {
  if (module.size() > kMaxName || name.size() > kMaxName)
    bad("a name of more than ", kMaxName, " bytes");
  return host.global(*this, module, name);
}

Pickle::Step Pickle::step(PickleHost& host) {
  opcode_at_ = at_;
  const auto opcode = static_cast<unsigned char>(number(1));
  switch (opcode) {
    case kStop:
      if (!marks_.empty() || stack_.size() != 1) bad("the pickle stops with values left over");
      top_ = stack_.back();
      return Step::kStop;
    case kFrame: {
      const std::uint64_t length = number(8);
      if (length > bytes_.size() - at_)
        bad("a frame of ", length, " bytes, but only ", bytes_.size() - at_, " are left");
      break;
    }
    case kPutNone:
      push({});
      break;
    case kNewTrue:
      push({Kind::kBool, 0, 1});
      break;
    case kNewFalse:
      push({Kind::kBool, 0, 0});
      break;
    case kBinInt: {
      const auto value = static_cast<std::int32_t>(static_cast<std::uint32_t>(number(4)));
      push({Kind::kInteger, 0, static_cast<std::uint64_t>(std::int64_t{value})});
      break;
    }
    case kBinInt1:
      push({Kind::kInteger, 0, number(1)});
      break;
    case kBinInt2:
      push({Kind::kInteger, 0, number(2)});
      break;
    case kLong1:
      push(long_integer(number(1)));
      break;
    case kLong4:
      push(long_integer(number(4)));
      break;
    case kBinFloat:
      push({Kind::kFloat, 0, __builtin_bswap64(number(8))});
      break;
    case kShortBinString:  // text in pickles of Python 2
    case kShortBinUnicode:
      push(slice(Kind::kText, number(1)));
      break;
    case kBinString:
    case kBinUnicode:
      push(slice(Kind::kText, number(4)));
      break;
    case kBinUnicode8:
      push(slice(Kind::kText, number(8)));
      break;
    case kShortBinBytes:
      push(slice(Kind::kBytes, number(1)));
      break;
    case kBinBytes:
      push(slice(Kind::kBytes, number(4)));
      break;
    case kBinBytes8:
      push(slice(Kind::kBytes, number(8)));
      break;
    default:
      stack_step(opcode, host);
  }
  return Step::kOn;
}

// The opcodes that do something with the values on the stack.
void Pickle::stack_step(unsigned char opcode, PickleHost& host) {
  switch (opcode) {
    case kMark:
      if (marks_.size() == kMaxMarks) bad("nested deeper than ", kMaxMarks);
      marks_.push_back(stack_.size());
      break;
    case kEmptyTuple:
      push(make_list(Kind::kTuple, {}));
      break;
    case kTuple1:
      push(tuple(1));
      break;
    case kTuple2:
      push(tuple(2));
      break;
    case kTuple3:
      push(tuple(3));
      break;
    case kTupleOpcode: {
      const std::size_t first = pop_mark();
      push(tuple(stack_.size() - first));
      break;
    }
    case kEmptyList:
      push(make_list(Kind::kList, {}));
      break;
    case kEmptyDict:
      push(make_list(Kind::kDict, {}));
      break;
    case kAppend:
      top_of_stack();
      extend(Kind::kList, stack_.size() - 1);
      break;
    case kAppends:
      extend(Kind::kList, pop_mark());
      break;
    case kSetItem:
      if (stack_.size() < 2) bad("a value is missing on the stack");
      extend(Kind::kDict, stack_.size() - 2);
      break;
    case kSetItems:
      extend(Kind::kDict, pop_mark());
      break;
    case kBinGet:
      recall(number(1));
      break;
    case kLongBinGet:
      recall(number(4));
      break;
    case kBinPut:
      memoize(number(1));
      break;
    case kLongBinPut:
      memoize(number(4));
      break;
    case kMemoize:
      memoize(memo_.size());
      break;
    case kGlobalOpcode: {
      const std::string_view module = line();
      push(global(host, module, line()));
      break;
    }
    case kStackGlobal: {
      const PickleValue name = pop(), module = pop();
      if (!name.is(Kind::kText) || !module.is(Kind::kText)) bad("a name that is not text");
      push(global(host, text(module), text(name)));
      break;
    }
    case kReduce:
    case kNewObj: {
      const PickleValue arguments = pop(), callable = pop();
      if (!callable.is(Kind::kGlobal)) bad(describe(callable.kind), " cannot be called");
      if (!arguments.is(Kind::kTuple)) bad(describe(arguments.kind), " as arguments");
      push(host.call(*this, callable, arguments));
      break;
    }
    case kBuild: {
      const PickleValue state = pop(), object = top_of_stack();
      if (!object.is(Kind::kObject) && !(object.is(Kind::kDict) && object.tag == 1))
        bad(describe(object.kind), " has no state to set");
      host.build(*this, object, state);
      break;
    }
    case kBinPersId:
      push(host.persistent(*this, pop()));
      break;
    default: {
      const char* name = pickle_opcode_name(opcode);
      if (name) bad("the opcode ", name, " is refused; dictionaries of tensors need none");
      bad("no opcode has the number ", int{opcode});
    }
  }
}

}  // namespace ofer
