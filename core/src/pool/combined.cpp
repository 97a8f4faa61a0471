#include <filch/detail/combined.hpp>

#include <stdexcept>
#include <string>

#include <filch/error.hpp>
#include <filch/when.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

// ---- several as one ---------------------------------------------------------------------------

ref<job> parts::unclaimed_of_all() const noexcept {
  for (const auto& part : list_) {
    if (!part || part->done().is_set()) continue;
    if (auto work = part->unclaimed()) return work;
  }
  return {};
}

slot* parts::runner_of_all(std::size_t i) const noexcept {
  for (const auto& part : list_) {
    if (!part || part->done().is_set()) continue;
    for (std::size_t k = 0; slot* at = part->runner(k); ++k) {
      if (i-- == 0) return at;
    }
  }
  return nullptr;
}

ref<job> parts::unclaimed_of_any() const noexcept {
  ref<job> first;
  bool outside = false;  // something that is in no pool may end the wait
  for (const auto& part : list_) {
    if (!part || part->done().is_set()) continue;
    auto work = part->unclaimed();
    const bool runs = !work && part->is_claimed();
    // A pool without workers makes no progress on the rest by itself.
    if (runs && part->pool() && width(*part->core()) != 0) return {};
    outside = outside || (runs && !part->pool());
    if (!first) first = std::move(work);
  }
  if (outside && first && width(*first->where().pool) != 0) return {};
  return first;
}

slot* parts::runner_of_any(std::size_t i) const noexcept {
  future_base* only = nullptr;
  for (const auto& part : list_) {
    if (!part || part->done().is_set()) continue;
    if (only) return nullptr;  // none is known to be the one that ends the wait
    only = part.get();
  }
  return only ? only->runner(i) : nullptr;
}

pool_core* parts::pool() const noexcept {
  pool_core* common = nullptr;
  for (const auto& part : list_) {
    if (!part) continue;
    pool_core* its = part->pool();
    if (!its || (common && its != common)) return nullptr;
    common = its;
  }
  return common;
}

bool parts::cancel() const noexcept {
  bool any = false;
  for (const auto& part : list_) any = part->cancel() || any;
  return any;
}

std::exception_ptr parts::first_error() const noexcept {
  std::exception_ptr first;
  for (const auto& part : list_) {
    if (!part->error()) continue;
    if (!first) {
      first = part->error();
    } else if (part->outcome() == fate::error) {
      count_suppressed(*part->core());
    }
  }
  return first;
}

pool_ptr pool_of(const parts& of) { return of.size() ? of[0].core() : share(current_pool()); }

// ---- the first of several ---------------------------------------------------------------------

void any_of::part_ended(std::size_t i) noexcept {
  // order: [relaxed: it only chooses; the result is published by its own latch]
  if (decided_.exchange(true, std::memory_order_relaxed)) return;
  fulfil([i] { return i; });
}

future<std::size_t> any_future(result_list of) {
  if (of.empty()) {
    throw std::invalid_argument(
        "filch: when_any of no futures would never be ready; give it at least one");
  }
  auto whole = make_ref<any_of>(parts(of));
  attach(whole, of);
  return future<std::size_t>(ref<future_state<std::size_t>>(whole));
}

// ---- in order of completion -------------------------------------------------------------------

/// Who has ended and was not told yet. Shared with the notes left with the results.
class completions::arrivals final : public ref_counted {
 public:
  explicit arrivals(const result_list& of) : waited_for(of), left(of.size()) {
    ended_.reserve(of.size());
  }
  void part_ended(std::size_t i) noexcept {
    std::lock_guard lock(lock_);
    ended_.push_back(i);
    if (waiter_) std::exchange(waiter_, nullptr)->set();
  }
  std::optional<std::size_t> take() noexcept {
    std::lock_guard lock(lock_);
    if (told_ == ended_.size()) return std::nullopt;
    return ended_[told_++];
  }
  /// Opens `door` at the next end, or at once; null: no longer.
  void announce(latch* door) noexcept {
    std::lock_guard lock(lock_);
    waiter_ = door;
    if (door && told_ != ended_.size()) std::exchange(waiter_, nullptr)->set();
  }

  parts waited_for;  // the waiting thread's
  std::size_t left;

 private:
  std::mutex lock_;
  std::vector<std::size_t> ended_;  // reserved: telling never allocates
  std::size_t told_ = 0;
  latch* waiter_ = nullptr;
};

class completions::next_arrival final : public awaited {
 public:
  explicit next_arrival(arrivals& of) noexcept : of_(of) { of_.announce(&done_); }
  ~next_arrival() { of_.announce(nullptr); }
  latch& done() noexcept override { return done_; }
  ref<job> unclaimed() noexcept override { return of_.waited_for.unclaimed_of_any(); }
  slot* runner(std::size_t i) noexcept override { return of_.waited_for.runner_of_any(i); }
  const void* what() const noexcept override { return this; }
  pool_core* pool() noexcept override { return of_.waited_for.pool(); }

 private:
  arrivals& of_;
  latch done_;
};

completions::completions(result_list of) : arrivals_(make_ref<arrivals>(of)) {
  attach(arrivals_, of);
}
completions::completions(completions&&) noexcept = default;
completions& completions::operator=(completions&&) noexcept = default;
completions::~completions() = default;

std::size_t completions::left() const noexcept { return arrivals_->left; }

std::optional<std::size_t> completions::next(const deadline& until) {
  while (arrivals_->left != 0) {
    if (const auto i = arrivals_->take()) {
      arrivals_->waited_for.drop(*i);
      --arrivals_->left;
      return i;
    }
    next_arrival any(*arrivals_);
    if (!until) {
      detail::wait(any);
    } else if (!detail::wait_until(any, *until)) {
      throw timed_out("filch: " + std::to_string(left()) + " (of " +
                      std::to_string(arrivals_->waited_for.size()) +
                      ") futures have not ended in time; allow more, or cancel them");
    }
  }
  return std::nullopt;
}

namespace {

void wait_for_all(const result_list& of, const completions::deadline& until) {
  for (const auto& part : of) {
    if (!until) {
      part->wait();
    } else if (!wait_until(*part, *until)) {
      return;
    }
  }
}

void wait_for_one(const result_list& of, bool with_error, const completions::deadline& until) {
  const auto ends_it = [&](future_base& part) {
    const auto how = part.outcome();
    return how != fate::pending && (!with_error || how != fate::value);
  };
  for (const auto& part : of) {
    if (ends_it(*part)) return;
  }
  completions order(of);
  try {
    while (const auto i = order.next(until)) {
      if (ends_it(*of[*i])) return;
    }
  } catch (const timed_out&) {
    // who has ended by then is the answer
  }
}

}  // namespace

std::vector<bool> wait_for_parts(result_list of, enough when, const completions::deadline& until) {
  if (when == enough::all) {
    wait_for_all(of, until);
  } else {
    wait_for_one(of, when == enough::one_error, until);
  }
  std::vector<bool> ended;
  for (const auto& part : of) ended.push_back(part->done().is_set());
  return ended;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
