// What a kernel's pointers are on the executor: they know their bounds and look at every access.
// On a GPU the same names are plain pointers (kernels/cuda/device.cuh).
#pragma once

#include <concepts>
#include <cstddef>
#include <source_location>
#include <string>
#include <type_traits>

#include "kernels/simt/executor.h"

namespace ofer::kernels::simt {

// An index that remembers the line it was written at.
struct At {
  std::ptrdiff_t value;
  std::source_location where;
  template <std::integral I>
  At(I v, std::source_location w = std::source_location::current())  // NOLINT: implicit by design
      : value(static_cast<std::ptrdiff_t>(v)), where(w) {}
};

// Device memory.
template <class T>
class Global {
 public:
  using Element = std::remove_const_t<T>;

  Global() = default;
  Global(std::nullptr_t) {}  // NOLINT: as a pointer is
  // Made at a launch, from a pointer that must be the device's own.
  Global(T* pointer,  // NOLINT: as a pointer is
         const std::source_location& where = std::source_location::current())
      : at_(pointer) {
    if (pointer && !find_region(pointer, region_))
      fault(where, "a kernel argument points to memory that is not on the device");
  }
  Global(const Global<Element>& other) requires std::is_const_v<T>  // NOLINT: as a pointer's is
      : at_(other.raw()), region_(other.region()) {}
  Global(const Global&) = default;
  Global& operator=(const Global&) = default;

  explicit operator bool() const { return at_ != nullptr; }
  bool operator==(std::nullptr_t) const { return at_ == nullptr; }

  // What stands behind y[i]: read where a value is wanted, written where it is assigned to.
  class Reference {
   public:
    Reference(const Global& base, At at) : base_(base), at_(at) {}
    operator Element() const { return base_.read(at_); }  // NOLINT: reads as the element
    // A storage type is computed with as the float it stands for.
    operator float() const requires std::is_class_v<Element> {  // NOLINT: as the element itself
      return base_.read(at_);
    }
    const Reference& operator=(Element value) const {
      base_.write(at_, value);
      return *this;
    }
    const Reference& operator=(const Reference& other) const {
      return *this = static_cast<Element>(other);
    }
    const Reference& operator+=(Element value) const {
      return *this = static_cast<Element>(base_.read(at_) + value);
    }
    const Reference& operator-=(Element value) const {
      return *this = static_cast<Element>(base_.read(at_) - value);
    }
    const Reference& operator*=(Element value) const {
      return *this = static_cast<Element>(base_.read(at_) * value);
    }

   private:
    const Global& base_;
    At at_;
  };

  Element operator[](At at) const requires std::is_const_v<T> { return read(at); }
  Reference operator[](At at) const requires(!std::is_const_v<T>) { return {*this, at}; }

  Global operator+(std::ptrdiff_t by) const {
    Global moved = *this;
    moved.at_ += by;
    return moved;
  }
  Global operator-(std::ptrdiff_t by) const { return *this + -by; }
  Global& operator+=(std::ptrdiff_t by) {
    at_ += by;
    return *this;
  }

  Element read(const At& at) const {
    const T* p = checked(at, 1, sizeof(T), "reads");
    if (region_.shadow) note_read(region_, p, sizeof(T), at.where);
    return *p;
  }
  void write(const At& at, Element value) const requires(!std::is_const_v<T>) {
    T* p = checked(at, 1, sizeof(T), "writes");
    if (region_.shadow) note_write(region_, p, sizeof(T), at.where);
    *p = value;
  }
  // `count` neighbouring elements that one instruction moves; aligned to all of them.
  T* checked(const At& at, std::size_t count, std::size_t alignment, const char* what) const {
    T* p = at_ + at.value;
    const char* byte = reinterpret_cast<const char*>(p);
    if (!at_) fault(at.where, std::string(what) + " through a null pointer");
    if (byte < region_.begin || byte + count * sizeof(T) > region_.end)
      fault(at.where, std::string(what) + " element " + std::to_string(position(p)) + " of " +
                          std::to_string(room()) + " in device memory");
    if (reinterpret_cast<std::uintptr_t>(p) % alignment != 0)
      fault(at.where, std::string(what) + " " + std::to_string(alignment) +
                          " bytes at an address that is not aligned to them");
    return p;
  }

  T* raw() const { return at_; }
  const Region& region() const { return region_; }

 private:
  std::ptrdiff_t position(const T* p) const {
    return (reinterpret_cast<const char*>(p) - region_.begin) /
           static_cast<std::ptrdiff_t>(sizeof(T));
  }
  std::ptrdiff_t room() const {
    return (region_.end - region_.begin) / static_cast<std::ptrdiff_t>(sizeof(T));
  }

  T* at_ = nullptr;
  Region region_;
};

// Shared memory of the block.
template <class T>
class Shared {
 public:
  Shared(const SharedRegion& region, std::ptrdiff_t offset = 0)
      : region_(region), offset_(offset) {}

  class Reference {
   public:
    Reference(const Shared& base, At at) : base_(base), at_(at) {}
    operator T() const { return base_.read(at_); }  // NOLINT: reads as the element
    const Reference& operator=(T value) const {
      base_.write(at_, value);
      return *this;
    }
    const Reference& operator=(const Reference& other) const {
      return *this = static_cast<T>(other);
    }
    const Reference& operator+=(T value) const { return *this = base_.read(at_) + value; }
    const Reference& operator*=(T value) const { return *this = base_.read(at_) * value; }

   private:
    const Shared& base_;
    At at_;
  };

  Reference operator[](At at) const { return {*this, at}; }
  Shared operator+(std::ptrdiff_t by) const { return {region_, offset_ + by}; }
  Shared operator-(std::ptrdiff_t by) const { return {region_, offset_ - by}; }

  T read(const At& at) const {
    const std::size_t i = checked(at, "reads");
    note_shared_read(region_, i, at.where);
    return reinterpret_cast<const T*>(region_.data)[i];
  }
  void write(const At& at, T value) const {
    const std::size_t i = checked(at, "writes");
    note_shared_write(region_, i, at.where);
    reinterpret_cast<T*>(region_.data)[i] = value;
  }
  const SharedRegion& region() const { return region_; }
  // Position of an element, once it is known to lie inside.
  std::size_t checked(const At& at, const char* what) const {
    const std::ptrdiff_t i = offset_ + at.value;
    if (i < 0 || static_cast<std::size_t>(i) >= region_.count)
      fault(at.where, std::string(what) + " element " + std::to_string(i) + " of shared array " +
                          region_.name + ", which has " + std::to_string(region_.count));
    return static_cast<std::size_t>(i);
  }

 private:
  SharedRegion region_;
  std::ptrdiff_t offset_;
};

}  // namespace ofer::kernels::simt
