#include <filch/detail/race_state.hpp>

#include <algorithm>
#include <stdexcept>
#include <string>

#include <filch/error.hpp>

// What the caller of a race is told.

namespace filch {
inline namespace v0 {
namespace detail {

void race_core::count_superseded() noexcept {
  std::size_t n = 0;
  {
    const std::lock_guard lock(errors_lock_);
    n = late_errors_;
    if (cell_.verdict() != race_verdict::failed) n += errors_.size();
  }
  if (n != 0) count_suppressed(core_, n);
}

void race_core::throw_unless_won() {
  switch (cell_.verdict()) {
    case race_verdict::won:
      if (winning_error_) std::rethrow_exception(winning_error_);
      return;
    case race_verdict::failed:
      throw_failed();
    case race_verdict::timed_out:
      throw_late();
    case race_verdict::cancelled:
    case race_verdict::open:
      throw cancelled("filch: the race was stopped from outside before it had a winner");
  }
}

void race_core::throw_failed() {
  std::vector<item_error> list;
  {
    const std::lock_guard lock(errors_lock_);
    list.reserve(errors_.size());
    for (auto& [index, error] : errors_) list.push_back({index, std::move(error)});
    errors_.clear();
  }
  std::sort(list.begin(), list.end(), [](auto& a, auto& b) { return a.index < b.index; });
  if (plan_.wanted == 1) throw race_failed(std::move(list));
  throw race_failed(plan_.wanted, std::move(list));
}

void race_core::throw_late() {
  std::vector<failure> known;
  {
    const std::lock_guard lock(errors_lock_);
    known.swap(errors_);
  }
  std::sort(known.begin(), known.end(), [](auto& a, auto& b) { return a.first < b.first; });
  std::string text =
      "filch: the race reached its deadline without a winner and its contenders were asked to "
      "stop; allow more time, or make one of them faster. Failed so far: ";
  text += std::to_string(known.size()) + " of " + std::to_string(plan_.contenders);
  constexpr std::size_t most = 8;
  for (std::size_t k = 0; k < std::min(known.size(), most); ++k) {
    text += (k == 0 ? ": " : "; ") + ("at index " + std::to_string(known[k].first)) + ": " +
            describe(known[k].second);
  }
  if (known.size() > most) text += "; and others";
  throw timed_out(text);
}

void throw_rejected() {
  throw rejected(
      "filch: the race's .accept refused the value of this contender; look at its value, or "
      "accept it");
}

void throw_cannot_own() {
  throw std::invalid_argument(
      "filch: losers that may be abandoned need copies of the callable and of their arguments, "
      "and one of these cannot be copied; hand it over with std::move, or use losers::join");
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
