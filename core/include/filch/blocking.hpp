#pragma once

#include <cstddef>
#include <utility>

#include <filch/detail/export.hpp>

namespace filch {
inline namespace v0 {

namespace detail {

/// While it lives the worker that the thread is counts as blocked. Keeps `errno`.
class FILCH_API blocking_region {
 public:
  blocking_region() noexcept;
  blocking_region(const blocking_region&) = delete;
  blocking_region& operator=(const blocking_region&) = delete;
  ~blocking_region();

 private:
  alignas(void*) std::byte mark_[sizeof(void*)];
};

}  // namespace detail

/// Calls f, which may block, and returns what it returns: meanwhile another thread takes the
/// worker's place as long as there are jobs and the pool may have more threads.
///
///     auto text = filch::blocking([&] { return ask_the_old_library(question); });
///
/// Marks a short part of a cpu job; a job that does nothing but wait belongs on `lane::io`. Nothing
/// is marked outside of a pool. On a serial engine nobody takes the place.
/// Cost: some microseconds on a worker. Throws: what f throws. Keeps `errno`.
template <class F>
decltype(auto) blocking(F&& f) {
  const detail::blocking_region here;
  return std::forward<F>(f)();
}

}  // namespace v0
}  // namespace filch
