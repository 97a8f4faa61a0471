#include "base/trace_log.hpp"

#include <atomic>
#include <utility>

#include <filch/error.hpp>

#include "base/env.hpp"
#include "base/new_file.hpp"
#include "base/warn.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

void trace_log::add(trace_event event) noexcept {
  std::lock_guard lock(lock_);
  try {
    if (events_.size() < most) {
      events_.push_back(std::move(event));
      return;
    }
  } catch (const std::bad_alloc&) {  // a trace is not worth a failure
  }
  ++left_out_;
}

void trace_log::add(const std::vector<trace_event>& events) noexcept {
  for (const auto& e : events) {
    try {
      add(trace_event(e));
    } catch (const std::bad_alloc&) {
      std::lock_guard lock(lock_);
      ++left_out_;
    }
  }
}

void trace_log::write() noexcept {
  std::lock_guard lock(lock_);
  try {
    write_new_file(path_, trace_json(events_, left_out_));
  } catch (...) {
    warn("no trace of the pool: " + describe(std::current_exception()));
  }
  events_.clear();
}

std::string trace_path(const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  auto path = env_path("FILCH_TRACE");
  if (!path) return {};
  static constinit std::atomic<unsigned> pools{0};
  // order: [relaxed: any order will do]
  const unsigned n = pools.fetch_add(1, std::memory_order_relaxed);
  return n == 0 ? *path : *path + '.' + std::to_string(n + 1);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
