#pragma once

#include <atomic>
#include <cstddef>
#include <utility>

#include <filch/detail/export.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// A base whose objects live while somebody holds a `ref` to them. Born with one reference.
class FILCH_API ref_counted {
 public:
  ref_counted() noexcept = default;
  ref_counted(const ref_counted&) = delete;
  ref_counted& operator=(const ref_counted&) = delete;

  void retain() noexcept {
    // order: [relaxed: a new reference is made from one that is already held]
    refs_.fetch_add(1, std::memory_order_relaxed);
  }
  void release() noexcept {
    // A sole holder needs no exchange: nobody is left who could make another reference.
    // order: every holder's last use happens before the destruction [pair:REFS]
    if (refs_.load(std::memory_order_acquire) == 1 ||
        // order: as above [pair:REFS]
        refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      delete this;
    }
  }
  /// True if nobody but the caller has a reference.
  bool is_sole() const noexcept {
    // order: every former holder's last use happens before what the caller does now [pair:REFS]
    return refs_.load(std::memory_order_acquire) == 1;
  }

 protected:
  virtual ~ref_counted() = default;

 private:
  std::atomic<std::size_t> refs_{1};
};

/// A counted pointer to a `ref_counted`.
template <class T>
class ref {
 public:
  ref() noexcept = default;
  /// Takes over a reference that the caller owns.
  static ref adopt(T* object) noexcept {
    ref r;
    r.object_ = object;
    return r;
  }
  /// Adds a reference.
  static ref share(T* object) noexcept {
    if (object) object->retain();
    return adopt(object);
  }
  ref(const ref& other) noexcept : object_(other.object_) {
    if (object_) object_->retain();
  }
  ref(ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
  ref(ref<U> other) noexcept : object_(other.detach()) {}
  ref& operator=(ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~ref() {
    if (object_) object_->release();
  }

  T* get() const noexcept { return object_; }
  T* operator->() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  /// Gives the reference away; the caller owns it now.
  T* detach() noexcept { return std::exchange(object_, nullptr); }

 private:
  T* object_ = nullptr;
};

template <class T, class... A>
ref<T> make_ref(A&&... args) {
  return ref<T>::adopt(new T(std::forward<A>(args)...));
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
