#include <algorithm>
#include <utility>

#include <filch/detail/current.hpp>

#include "base/pause_for.hpp"
#include "sched/scheduler.hpp"
#include "sched/spares.hpp"

// The scheduler's threads: how each begins, looks for work, sleeps and ends.

namespace filch {
inline namespace v0 {
namespace detail {

namespace {
/// Between two looks for work. Measured choice, loops of two empty bodies and of two that meet,
/// where a line takes 130 ns to another core: 629 and 1900 ns with 100 ns always, 471 and 1750 with
/// 50 to 400. Where it takes 260: 565 and 2240 with 50 to 200, 293 and 2360 with 50 to 700, 255 and
/// 2360 with 100 to 700; a job submitted and got 585 ns and 451 in the last two.
constexpr std::chrono::nanoseconds shortest_gap{100}, longest_gap{700};
}  // namespace

void scheduler::start_work(slot& me) noexcept {
  crew_.one_more();
  note_home(me);
  me.set_thread(this_thread_number());
  greet(me);
  crew_.begin_search(me.searching);
}

void scheduler::end_work(slot& me) noexcept {
  me.set_thread(0);
  ends_job(&me, {});
  crew_.leave(me.searching);
  dismiss();
}

void scheduler::greet(slot& me) noexcept {
  current.home = &me;
  if (!user_.on_start) return;
  try {
    user_.on_start();
  } catch (...) {
    user_.on_unhandled(std::current_exception());
  }
}

void scheduler::dismiss() noexcept {
  if (user_.on_exit) {
    try {
      user_.on_exit();
    } catch (...) {
      user_.on_unhandled(std::current_exception());
    }
  }
  current.home = nullptr;
}

// It looks often at first and then less: each look takes lines from the caches of those that fork.
bool scheduler::find_for_a_while(slot& me) noexcept {
  crew_.begin_search(me.searching);
  auto now = std::chrono::steady_clock::now();
  const auto until = now + spin_;
  auto gap = shortest_gap;
  do {
    if (run_one(me)) return true;
    now = pause_for(gap);
    gap = std::min(2 * gap, longest_gap);
  } while (!crew_.crowded(1) && now < until && !stopping());
  return false;
}

bool scheduler::park(slot& me) noexcept {
  crew_.announce_sleep(me.searching);
  const bool step_down = me.role() == slot::kind::spare && spares_->surplus();
  if (stopping() || step_down || crew_.is_needed()) {
    crew_.withdraw(me.searching);
  } else {
    me.parked.add();
    crew_.sleep(me.searching);
    note_home(me);
  }
  return !stopping();
}

void scheduler::work_and_park(slot& me) noexcept {
  do {
    do {
      stay_if_frozen();
    } while (run_one(me) || find_for_a_while(me));
  } while (park(me));
}

cpu_binding scheduler::bind(const slot& me) const noexcept {
  const auto& cpus = place_.on.cpus();
  if (!place_.pin_workers || cpus.empty()) return {};
  return cpu_binding(cpus[me.index % cpus.size()].cpu);
}

bool scheduler::add_worker() {
  slot* me = slots_.take(slot::kind::worker);
  if (!me) return false;
  const bool begun = static_cast<bool>(threads_.start(
      [this, me] {
        const auto bound = bind(*me);
        start_work(*me);
        work_and_park(*me);
        end_work(*me);
        slots_.give(*me);
      },
      ""));
  if (!begun) slots_.give(*me);
  return begun;
}

void scheduler::work_until_idle() {
  slot* me = slots_.take(slot::kind::worker);
  if (!me) return;
  const auto outer = std::exchange(current, current_thread{});
  const auto bound = bind(*me);
  start_work(*me);
  while (!is_frozen() && (run_one(*me) || find_for_a_while(*me))) {
  }
  end_work(*me);
  current = outer;
  slots_.give(*me);
}

void scheduler::work_as_spare(slot& me, const std::function<bool()>& surplus) noexcept {
  start_work(me);
  while (!surplus()) {
    stay_if_frozen();
    if (!run_one(me) && !find_for_a_while(me) && !park(me)) break;
  }
  end_work(me);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
