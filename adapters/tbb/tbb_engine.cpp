#include <filch/tbb.hpp>

#include <csignal>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "arena.hpp"
#include "exit_guard.hpp"
#include "parallelism.hpp"
#include "seats.hpp"

namespace filch {
inline namespace v0 {

namespace {

constexpr unsigned most_workers = 4096;

/// Keeps the process's signals off a thread that oneTBB lends, as off every worker of filch: they
/// are for threads that expect them. Faults of the thread itself and the profiler's clock stay.
class without_signals {
 public:
  without_signals() noexcept {
    sigset_t masked;
    ::sigfillset(&masked);
    for (const int kept : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF}) {
      ::sigdelset(&masked, kept);
    }
    ::pthread_sigmask(SIG_BLOCK, &masked, &before_);
  }
  without_signals(const without_signals&) = delete;
  without_signals& operator=(const without_signals&) = delete;
  ~without_signals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

/// What a lent thread does: it works until nothing is left, and looks once more after it has given
/// its seat back, since a job queued just before that has woken nobody.
void run_seat(detail::seats& seats, workplace& place) {
  const without_signals calm;
  do {
    place.work_until_idle();
    seats.give_back();
  } while (place.has_work() && seats.take());
}

/// What the engine and the threads lent to it share; ends with the last of them.
///
/// oneTBB hands a task from the thread that enqueues it to the one that runs it, and orders the
/// two. `hand_over` and `receive` order them once more, by an atomic of ours: what we promise must
/// not rest on what a closed library does, and ThreadSanitizer, which cannot look into it, sees
/// the order.
class crew {
 public:
  crew(unsigned seats, workplace& place) : seats_(seats), place_(place) {}
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;

  detail::seats& seats() noexcept { return seats_; }

  void* hand_over() noexcept {
    // order: all before the enqueue is visible to the lent thread [pair:TBB_TASK]
    holders_.fetch_add(1, std::memory_order_release);
    return this;
  }
  static crew& receive(void* task) noexcept {
    auto& self = *static_cast<crew*>(task);
    // order: what was before the enqueue [pair:TBB_TASK]
    (void)self.holders_.load(std::memory_order_acquire);
    return self;
  }
  void let_go() noexcept {
    // order: every holder's use is over before the end of the crew [pair:TBB_TASK]
    if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
  }

  /// What a lent thread does.
  static void serve(void* task) {
    const detail::lent_thread mark;
    crew& self = receive(task);
    if (self.seats_.enter()) {
      run_seat(self.seats_, self.place_);
      self.seats_.leave();
    }
    self.let_go();
  }

 private:
  ~crew() = default;

  detail::seats seats_;
  workplace& place_;
  std::atomic<unsigned> holders_{1};
};

class tbb_workers final : public engine {
 public:
  explicit tbb_workers(unsigned workers) : width_(workers) {}
  ~tbb_workers() override {
    if (crew_) crew_->let_go();
  }

  std::string_view name() const noexcept override { return "tbb"; }
  unsigned width() const noexcept override { return width_; }

  unsigned start(workplace& place) override {
    const unsigned possible = detail::startable_threads(width_);
    if (possible == 0) return 0;
    detail::watch_exit_status();
    limit_.emplace(possible);
    const unsigned granted = limit_->granted();
    arena_.emplace(granted);
    crew_ = new crew(granted, place);
    return granted;
  }

  void wake(std::size_t n) noexcept override {
    if (!crew_) return;
    detail::seats::see_all_queued();
    for (; n > 0 && crew_->seats().take(); --n) {
      if (!lend_thread()) return;
    }
  }

  void stop() noexcept override {
    if (!crew_) return;
    crew_->seats().close();
    limit_.reset();
    // The arena stays until the engine goes: a caller that has queued the last job may still be on
    // its way out of wake().
  }

 private:
  /// Requires: a seat was taken for the thread.
  bool lend_thread() noexcept {
    if (arena_->enqueue(&crew::serve, crew_->hand_over())) return true;
    // Out of memory. The job stays where it is: who waits for it runs it, and so does the next
    // thread that is lent.
    crew_->let_go();
    crew_->seats().give_back();
    return false;
  }

  const unsigned width_;
  std::optional<detail::parallelism> limit_;
  std::optional<detail::arena> arena_;
  crew* crew_ = nullptr;
};

}  // namespace

std::unique_ptr<engine> tbb_engine(unsigned workers) {
  if (workers > most_workers) {
    throw std::invalid_argument(
        "filch::tbb_engine: at most 4096 workers; leave the number out to "
        "have one per usable core");
  }
  // Core knows the rule: affinity, quota, FILCH_WORKERS.
  return std::make_unique<tbb_workers>(workers == 0 ? native_engine()->width() : workers);
}

}  // namespace v0
}  // namespace filch
