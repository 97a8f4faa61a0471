#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace filch {
inline namespace v0 {
namespace detail {

/// Numbers that are never given out twice in a process, from 1 on.
inline std::uint64_t never_again() noexcept {
  static constinit std::atomic<std::uint64_t> last{0};
  // order: [relaxed: only the difference between two numbers counts]
  return last.fetch_add(1, std::memory_order_relaxed) + 1;
}

/// The values of one thread that it used last, by the number of the `worker_local` they belong to.
struct local_cache {
  struct entry {
    std::uint64_t owner = 0;
    void* value = nullptr;
  };
  std::array<entry, 4> entries{};
  std::uint64_t thread = 0;
};
inline constinit thread_local local_cache recent_locals{};

/// Of the calling thread; numbers of threads that have ended do not come back, as ids do.
inline std::uint64_t thread_number() noexcept {
  auto& cache = recent_locals;
  if (cache.thread == 0) cache.thread = never_again();
  return cache.thread;
}

}  // namespace detail

/// One T for each thread that asks, made when it first asks: an accumulator, a buffer, a random
/// number engine. For threads of any pool and any lane, and for callers that run jobs in place.
///
/// A thread that waits inside a job may run another job meanwhile, which gets the same T: do not
/// hold a reference across a wait. Values outlive the threads that made them, until `clear()` or
/// the end of this object.
///
/// Threads: `local()` from any. The others read all values: only while no job uses them, which is
/// when the calls whose jobs used them have returned.
/// Cost: `local()` is a few loads if the thread used one of its last four; else a walk over the
/// threads' values.
template <class T>
class worker_local {
 public:
  /// Values are default-constructed.
  worker_local()
    requires std::is_default_constructible_v<T>
      : make_([] { return T(); }) {}
  /// Values are what `make()` returns, called on the thread the value is for.
  template <std::invocable F>
    requires std::convertible_to<std::invoke_result_t<F&>, T>
  explicit worker_local(F make) : make_(std::move(make)) {}
  worker_local(const worker_local&) = delete;
  worker_local& operator=(const worker_local&) = delete;
  ~worker_local() { free_all(); }

  /// The calling thread's value. Throws: what making it throws; the next call tries again.
  T& local() {
    auto& entry = slot();
    if (entry.owner == number_) return *static_cast<T*>(entry.value);
    T& mine = find_or_make();
    slot() = {number_, std::addressof(mine)};
    return mine;
  }

  /// Calls `f(value)` for the value of each thread, in no particular order.
  template <class F>
  void for_each(F&& f) {
    for (node* n = first(); n; n = n->next) std::invoke(f, n->value);
  }
  /// The same, with const values.
  template <class F>
  void for_each(F&& f) const {
    for (const node* n = first(); n; n = n->next) std::invoke(f, n->value);
  }

  /// All values by `op`, which must be associative and commute; a fresh value if there is none.
  template <class Op>
  T combine(Op&& op) const {
    const node* n = first();
    if (!n) return make_();
    T out = n->value;
    while ((n = n->next)) out = std::invoke(op, std::move(out), n->value);
    return out;
  }

  /// Destroys all values; threads that ask afterwards get new ones.
  void clear() noexcept {
    free_all();
    number_ = detail::never_again();
  }

  /// How many threads have a value.
  std::size_t size() const noexcept {
    std::size_t n = 0;
    for (const node* at = first(); at; at = at->next) ++n;
    return n;
  }

 private:
  // A cache line of its own: neighbours belong to other threads.
  struct alignas(64) node {
    node(std::uint64_t of, const std::function<T()>& make) : thread(of), value(make()) {}
    node* next = nullptr;
    const std::uint64_t thread;
    T value;
  };

  detail::local_cache::entry& slot() const noexcept {
    auto& entries = detail::recent_locals.entries;
    return entries[number_ % entries.size()];
  }
  node* first() const noexcept {
    // order: values and links of the nodes found are visible [pair:WORKER-LOCAL]
    return first_.load(std::memory_order_acquire);
  }
  T& find_or_make() {
    const auto me = detail::thread_number();
    for (node* n = first(); n; n = n->next) {
      if (n->thread == me) return n->value;
    }
    auto* fresh = new node(me, make_);
    fresh->next = first();
    // order: publishes the node to who walks the list [pair:WORKER-LOCAL]
    while (!first_.compare_exchange_weak(fresh->next, fresh, std::memory_order_release,
                                         // order: [relaxed: the next attempt publishes]
                                         std::memory_order_relaxed)) {
    }
    return fresh->value;
  }
  void free_all() noexcept {
    // order: what their threads did to the values happens before their end [pair:WORKER-LOCAL]
    node* n = first_.exchange(nullptr, std::memory_order_acquire);
    while (n) delete std::exchange(n, n->next);
  }

  const std::function<T()> make_;
  std::uint64_t number_ = detail::never_again();
  std::atomic<node*> first_{nullptr};
};

}  // namespace v0
}  // namespace filch
