// The buffers of one call of an operation: made, filled, guarded and read back by name.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/types.h"
#include "kernels/wide.h"
#include "tests/support/fill.h"
#include "tests/support/measured.h"
#include "tests/support/memory.h"

namespace ofer::test {

// Contents of buffers by name: what one call hands to the next (forward to backward).
struct Values {
  std::map<std::string, std::vector<double>> reals;
  std::map<std::string, std::vector<std::int32_t>> indices;
};

enum class Role : std::uint8_t { kInput, kOutput, kInOut, kScratch };
// What an array is made of: T, Wide<T>, int32; in memory of a caller's float or uint8, whatever T
// is.
enum class Element : std::uint8_t { kReal, kWide, kIndex, kFloat, kByte };

// A case's bind() asks for its arrays one by one; each gets memory, guards and contents. Outputs
// and scratch hold the unwritten pattern. An input that `source` has by that name is taken from
// there, any other is drawn from its distribution with a seed of its own.
// T: float, double, or Measured for the oracle.
template <class T>
class Buffers {
 public:
  struct Entry {
    std::string name;
    Role role;
    Element element;
    bool loose;  // of an index output: anything goes where the oracle says a negative number
    Index count;
    std::vector<char> initial;
    std::unique_ptr<GuardedBuffer> memory;

    // Of a type that is the same for every T, the oracle's included: compared exactly.
    bool exact() const { return element != Element::kReal && element != Element::kWide; }
    bool written() const { return role == Role::kOutput || role == Role::kInOut; }
  };

  explicit Buffers(std::uint64_t seed, Memory& memory = host_memory(),
                   const Values* source = nullptr, bool misaligned = false)
      : seed_(seed), memory_(memory), source_(source), misaligned_(misaligned) {}

  const T* input(const std::string& name, Index count, Fill fill = {}) {
    return reals(name, Role::kInput, drawn(name, count, fill));
  }
  const T* input(const std::string& name, const std::vector<double>& values) {
    return reals(name, Role::kInput, drawn(name, values));
  }
  T* in_out(const std::string& name, Index count, Fill fill = {}) {
    return reals(name, Role::kInOut, drawn(name, count, fill));
  }
  T* output(const std::string& name, Index count) { return unwritten(name, Role::kOutput, count); }
  // Statistics that one call keeps for another.
  using W = kernels::Wide<T>;
  W* wide_output(const std::string& name, Index count) {
    return static_cast<W*>(add(name, Role::kOutput, Element::kWide, count).memory->data());
  }
  const W* wide_input(const std::string& name, Index count, Fill fill = {}) {
    const std::vector<double> values = drawn(name, count, fill);
    const std::vector<W> converted(values.begin(), values.end());
    Entry& entry = add(name, Role::kInput, Element::kWide, count);
    set(entry, converted.data());
    return static_cast<const W*>(entry.memory->data());
  }
  T* scratch(const std::string& name, Index count) {
    return unwritten(name, Role::kScratch, count);
  }
  const std::int32_t* indices(const std::string& name, std::vector<std::int32_t> values) {
    if (source_ && source_->indices.count(name)) values = source_->indices.at(name);
    Entry& entry = add(name, Role::kInput, Element::kIndex, static_cast<Index>(values.size()));
    set(entry, values.data());
    return static_cast<const std::int32_t*>(entry.memory->data());
  }
  std::int32_t* index_output(const std::string& name, Index count, bool loose = false) {
    Entry& entry = add(name, Role::kOutput, Element::kIndex, count);
    entry.loose = loose;
    return static_cast<std::int32_t*>(entry.memory->data());
  }
  // A caller's memory.
  const std::uint8_t* bytes(const std::string& name, std::vector<std::uint8_t> values) {
    if (source_ && source_->indices.count(name)) {
      const std::vector<std::int32_t>& given = source_->indices.at(name);
      values.assign(given.begin(), given.end());
    }
    Entry& entry = add(name, Role::kInput, Element::kByte, static_cast<Index>(values.size()));
    set(entry, values.data());
    return static_cast<const std::uint8_t*>(entry.memory->data());
  }
  std::uint8_t* byte_output(const std::string& name, Index count) {
    return static_cast<std::uint8_t*>(
        add(name, Role::kOutput, Element::kByte, count).memory->data());
  }
  float* float_output(const std::string& name, Index count) {
    return static_cast<float*>(add(name, Role::kOutput, Element::kFloat, count).memory->data());
  }
  // No offsets: no segments.
  kernels::Segments segments(const std::vector<std::int32_t>& offsets) {
    kernels::Segments result = room(offsets);
    if (!offsets.empty()) result.offsets = indices("offsets", offsets);
    return result;
  }
  // Segment i uses the first used[i] rows of its room.
  kernels::Segments segments(const std::vector<std::int32_t>& offsets,
                             const std::vector<std::int32_t>& used) {
    kernels::Segments result = room(offsets);
    std::vector<std::int32_t> rows;
    for (std::size_t i = 0; i < used.size(); ++i) {
      rows.push_back(offsets[i]);
      rows.push_back(offsets[i] + used[i]);
    }
    result.stride = 2;
    result.offsets = indices("offsets", rows);
    return result;
  }
  // For an operation in place: the result `name` lies in the buffer `existing`.
  void alias(const std::string& name, const std::string& existing) { aliases_[name] = existing; }

  // Replaces an input's contents.
  void assign(const std::string& name, const std::vector<double>& values) {
    Entry& entry = *find(name);
    const std::vector<T> converted(values.begin(), values.end());
    set(entry, converted.data());
  }
  void assign_bytes(Entry& entry, const char* bytes) { set(entry, bytes); }

  Entry* find(const std::string& name) {
    const auto alias = aliases_.find(name);
    const std::string& real = alias == aliases_.end() ? name : alias->second;
    for (auto& entry : entries_)
      if (entry->name == real) return entry.get();
    return nullptr;
  }
  std::vector<std::unique_ptr<Entry>>& entries() { return entries_; }

  std::size_t element_size(const Entry& entry) const { return size_of(entry.element); }
  std::vector<T> read(Entry& entry) {
    if (size_of(entry.element) != sizeof(T))
      throw std::logic_error("test case: " + entry.name + " is of another type");
    return read_as<T>(entry);
  }
  // The numbers of an array of T or Wide<T>.
  std::vector<double> read_numbers(Entry& entry) requires(!std::is_same_v<T, Measured>) {
    const auto numbers = [](const auto& own) {
      std::vector<double> result;
      for (const auto v : own) result.push_back(static_cast<double>(v));
      return result;
    };
    return entry.element == Element::kWide ? numbers(read_as<W>(entry)) : numbers(read(entry));
  }
  // The elements as what they are in memory.
  template <class E>
  std::vector<E> read_as(Entry& entry) {
    std::vector<E> result(static_cast<std::size_t>(entry.count));
    entry.memory->read(result.data());
    return result;
  }
  std::vector<char> read_bytes(Entry& entry) {
    std::vector<char> result(static_cast<std::size_t>(entry.count) * element_size(entry));
    entry.memory->read(result.data());
    return result;
  }

  // Everything by name, as double or int32.
  Values values() requires(!std::is_same_v<T, Measured>) {
    Values result;
    for (auto& entry : entries_) {
      switch (entry->element) {
        case Element::kReal:
        case Element::kWide:
          result.reals[entry->name] = read_numbers(*entry);
          break;
        case Element::kIndex:
          result.indices[entry->name] = read_as<std::int32_t>(*entry);
          break;
        case Element::kByte: {
          const std::vector<std::uint8_t> own = read_as<std::uint8_t>(*entry);
          result.indices[entry->name].assign(own.begin(), own.end());
          break;
        }
        case Element::kFloat:  // a result that no call hands to another
          break;
      }
    }
    return result;
  }

  // Bytes that any implementation must move: each input read once, each output written once.
  double compulsory_bytes() const {
    double sum = 0;
    for (const auto& entry : entries_) {
      const double bytes =
          static_cast<double>(entry->count) * static_cast<double>(element_size(*entry));
      if (entry->role == Role::kInOut) sum += 2 * bytes;
      if (entry->role == Role::kInput || entry->role == Role::kOutput) sum += bytes;
    }
    return sum;
  }

  void arm() {
    for (auto& entry : entries_) entry->memory->arm();
  }
  // Looks at guards and inputs after a run; a message when something was written that must not be.
  std::string inspect() {
    for (auto& entry : entries_) entry->memory->disarm();
    for (auto& entry : entries_) {
      const std::string damage = entry->memory->damaged();
      if (!damage.empty()) return entry->name + " " + damage;
      if (entry->role == Role::kInput && read_bytes(*entry) != entry->initial)
        return "input " + entry->name + " was changed";
    }
    return "";
  }

 private:
  std::vector<double> drawn(const std::string& name, Index count, Fill fill) const {
    if (source_ && source_->reals.count(name)) return from_source(name, count);
    return make_values(fill, count, seed_of(name, seed_));
  }
  std::vector<double> drawn(const std::string& name, const std::vector<double>& values) const {
    if (source_ && source_->reals.count(name))
      return from_source(name, static_cast<Index>(values.size()));
    return values;
  }
  std::vector<double> from_source(const std::string& name, Index count) const {
    const std::vector<double>& values = source_->reals.at(name);
    if (static_cast<Index>(values.size()) != count)
      throw std::logic_error("test case: " + name + " has two sizes");
    return values;
  }
  T* reals(const std::string& name, Role role, const std::vector<double>& values) {
    Entry& entry = add(name, role, Element::kReal, static_cast<Index>(values.size()));
    std::vector<T> converted(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) converted[i] = T(values[i]);
    set(entry, converted.data());
    return static_cast<T*>(entry.memory->data());
  }
  T* unwritten(const std::string& name, Role role, Index count) {
    return static_cast<T*>(add(name, role, Element::kReal, count).memory->data());
  }
  static std::size_t size_of(Element element) {
    switch (element) {
      case Element::kReal:
        return sizeof(T);
      case Element::kWide:
        return sizeof(W);
      case Element::kByte:
        return sizeof(std::uint8_t);
      case Element::kFloat:
      case Element::kIndex:
        break;
    }
    static_assert(sizeof(std::int32_t) == sizeof(float));
    return sizeof(std::int32_t);
  }
  // Segments without the rows that they use.
  kernels::Segments room(const std::vector<std::int32_t>& offsets) {
    kernels::Segments result;
    if (offsets.empty()) return result;
    host_offsets_.push_back(offsets);
    result.count = static_cast<Index>(offsets.size()) - 1;
    for (std::size_t i = 0; i + 1 < offsets.size(); ++i)
      result.longest = std::max<Index>(result.longest, offsets[i + 1] - offsets[i]);
    result.host_offsets = host_offsets_.back().data();
    return result;
  }
  Entry& add(const std::string& name, Role role, Element element, Index count) {
    if (find(name)) throw std::logic_error("test case: " + name + " is bound twice");
    const std::size_t size = size_of(element);
    const std::size_t bytes = static_cast<std::size_t>(count) * size;
    entries_.push_back(std::make_unique<Entry>(
        Entry{name, role, element, false, count, std::vector<char>(bytes),
              std::make_unique<GuardedBuffer>(memory_, bytes, misaligned_ ? size : 0)}));
    fill_unwritten(entries_.back()->initial.data(), bytes);
    return *entries_.back();
  }
  void set(Entry& entry, const void* contents) {
    if (entry.count) std::memcpy(entry.initial.data(), contents, entry.initial.size());
    entry.memory->write(entry.initial.data());
  }

  std::uint64_t seed_;
  Memory& memory_;
  const Values* source_;
  bool misaligned_;
  std::vector<std::unique_ptr<Entry>> entries_;
  std::map<std::string, std::string> aliases_;
  std::deque<std::vector<std::int32_t>> host_offsets_;
};

}  // namespace ofer::test
