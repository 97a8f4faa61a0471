#pragma once

#include <utility>

#include <filch/detail/race_state.hpp>

#include "io/late_answer.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// One contender as a job of an io thread. Holds the race from its start to its end only, so that
/// a race and its contenders do not keep each other alive.
class race_core::contender final : public job {
 public:
  contender(race_core& race, std::size_t index, context* caller)
      : index_(index), may_be_abandoned_(!race.plan_.structured) {
    place(race.core_, lane::io, race.name_, race.stop_);
    where().parent = caller;
    where().what = &race;
  }
  void enter(ref<race_core> race) noexcept { race_ = std::move(race); }
  /// What will have the value of a contender that answers later. Its lock is `answers_lock_`.
  late_answer<ref<future_base>> answer;
  void run() noexcept override {
    const auto race = std::move(race_);
    race->run(index_);
  }
  bool may_outlive_pool() const noexcept override { return may_be_abandoned_; }

 private:
  const std::size_t index_;
  const bool may_be_abandoned_;
  ref<race_core> race_;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
