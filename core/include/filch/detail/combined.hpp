#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <filch/detail/future_state.hpp>

/// \file
/// Results made of other results, and waits for the first of several.

namespace filch {
inline namespace v0 {
namespace detail {

using result_list = std::vector<ref<future_base>>;

/// Several results as one `awaited` sees them: what of them can be started, and who runs them.
class FILCH_API parts {
 public:
  explicit parts(result_list of) noexcept : list_(std::move(of)) {}

  std::size_t size() const noexcept { return list_.size(); }
  future_base& operator[](std::size_t i) const noexcept { return *list_[i]; }
  /// Forgets a part, so that its memory does not wait for the others.
  void drop(std::size_t i) noexcept { list_[i] = {}; }

  /// For a wait that needs all of them: whatever has not started.
  ref<job> unclaimed_of_all() const noexcept;
  slot* runner_of_all(std::size_t i) const noexcept;
  /// For a wait that needs one: something only where nothing runs that would end the wait.
  ref<job> unclaimed_of_any() const noexcept;
  slot* runner_of_any(std::size_t i) const noexcept;
  /// Their pool, if they have one in common.
  pool_core* pool() const noexcept;
  /// Cancels each; true if that kept one from running.
  bool cancel() const noexcept;
  /// The error of the lowest index, or null; the others are counted. Requires: all done.
  std::exception_ptr first_error() const noexcept;

 private:
  result_list list_;  // an entry is empty once it was dropped
};

/// The pool a combined result belongs to: that of its first part, else the current one.
FILCH_API pool_ptr pool_of(const parts& of);

/// A result that its parts make, on the thread that ends the last or first of them. Nobody runs
/// it as a job.
template <class R>
class combined : public future_state<R> {
 public:
  explicit combined(parts of) : future_state<R>(pool_of(of)), parts_(std::move(of)) {
    this->place(*this->core(), lane::cpu, {}, make_ref<stop_state>());
    this->claim();
  }
  /// Part i has ended.
  virtual void part_ended(std::size_t i) noexcept = 0;

  void run() noexcept final {}
  bool cancel() noexcept final { return parts_.cancel(); }
  pool_core* pool() noexcept final { return parts_.pool(); }

 protected:
  parts parts_;
};

/// The end of a part, told to what it is a part of.
template <class State>
class part_ending final : public callback {
 public:
  part_ending(ref<State> whole, std::size_t i) noexcept : whole_(std::move(whole)), i_(i) {}
  void call(future_base&) noexcept override { whole_->part_ended(i_); }

 private:
  ref<State> whole_;
  std::size_t i_;
};

/// Has `whole` told of the end of each of `of`; at once of those that have ended. All memory is
/// taken before the first is told.
template <class State>
void attach(const ref<State>& whole, const result_list& of) {
  std::vector<std::unique_ptr<callback>> endings;
  endings.reserve(of.size());
  for (std::size_t i = 0; i < of.size(); ++i) {
    endings.push_back(std::make_unique<part_ending<State>>(whole, i));
  }
  for (std::size_t i = 0; i < of.size(); ++i) of[i]->add(endings[i].release());
}

/// How a value stands in a vector or tuple of results.
template <class T>
using held =
    std::conditional_t<std::is_void_v<T>, std::monostate,
                       std::conditional_t<std::is_reference_v<T>,
                                          std::reference_wrapper<std::remove_reference_t<T>>, T>>;

template <class T>
held<T> take_held(future_state<T>& from) {
  if constexpr (std::is_void_v<T>) {
    return {};
  } else if constexpr (std::is_reference_v<T>) {
    return std::ref(*from.value());
  } else {
    return std::move(from.value());
  }
}

/// The values of a list of futures, in a vector; nothing of a list of `future<void>`.
template <class T>
struct results_in_vector {
  using result = std::conditional_t<std::is_void_v<T>, void, std::vector<held<T>>>;
  static result take(const parts& of) {
    if constexpr (!std::is_void_v<T>) {
      result out;
      out.reserve(of.size());
      for (std::size_t i = 0; i < of.size(); ++i) {
        auto& from = static_cast<future_state<T>&>(of[i]);
        out.push_back(take_held<T>(from));
        from.drop();
      }
      return out;
    }
  }
};

/// The values of futures of different types, in a tuple.
template <class... T>
struct results_in_tuple {
  using result = std::tuple<held<T>...>;
  static result take(const parts& of) { return take(of, std::index_sequence_for<T...>()); }

 private:
  template <std::size_t... I>
  static result take(const parts& of, std::index_sequence<I...>) {
    return result{take_held<T>(static_cast<future_state<T>&>(of[I]))...};
  }
};

/// The result of `when_all`.
template <class Gather>
class all_of final : public combined<typename Gather::result> {
 public:
  using result = typename Gather::result;
  explicit all_of(parts of) : combined<result>(std::move(of)), left_(this->parts_.size()) {
    if (this->parts_.size() == 0) gather();
  }
  void part_ended(std::size_t) noexcept override {
    // order: the values of all parts are visible to the last one [pair:WHEN-ALL]
    if (left_.fetch_sub(1, std::memory_order_acq_rel) == 1) gather();
  }
  ref<job> unclaimed() noexcept override { return this->parts_.unclaimed_of_all(); }
  slot* runner(std::size_t i) noexcept override { return this->parts_.runner_of_all(i); }

 private:
  void gather() noexcept {
    this->fulfil([this]() -> result {
      if (auto error = this->parts_.first_error()) std::rethrow_exception(error);
      return Gather::take(this->parts_);
    });
  }
  std::atomic<std::size_t> left_;
};

/// The result of `when_any`.
class FILCH_API any_of final : public combined<std::size_t> {
 public:
  explicit any_of(parts of) : combined<std::size_t>(std::move(of)) {}
  void part_ended(std::size_t i) noexcept override;
  ref<job> unclaimed() noexcept override { return parts_.unclaimed_of_any(); }
  slot* runner(std::size_t i) noexcept override { return parts_.runner_of_any(i); }

 private:
  std::atomic<bool> decided_{false};
};

/// The order in which results end, told one by one to one waiting thread.
class FILCH_API completions {
 public:
  using deadline = std::optional<std::chrono::steady_clock::time_point>;

  explicit completions(result_list of);
  completions(completions&&) noexcept;
  completions& operator=(completions&&) noexcept;
  ~completions();

  /// Waits for one more to end and forgets it; its index. Empty when all were told.
  /// With a deadline nothing is run in place. Throws: `timed_out`; `would_deadlock`.
  std::optional<std::size_t> next(const deadline& until);
  std::size_t left() const noexcept;

 private:
  class arrivals;
  class next_arrival;
  ref<arrivals> arrivals_;
};

/// When a `wait` for several futures is over.
enum class enough : std::uint8_t { one, one_error, all };
/// Waits; tells which have ended. Empty deadline: without limit.
FILCH_API std::vector<bool> wait_for_parts(result_list of, enough when,
                                           const completions::deadline& until);

}  // namespace detail
}  // namespace v0
}  // namespace filch
