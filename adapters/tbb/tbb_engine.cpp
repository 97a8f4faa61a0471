#include <filch/tbb.hpp>

#include <csignal>

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <oneapi/tbb/task_arena.h>

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

class tbb_arena final : public engine {
 public:
  explicit tbb_arena(unsigned workers) : width_(workers) {}

  std::string_view name() const noexcept override { return "tbb"; }
  unsigned width() const noexcept override { return width_; }

  unsigned start(workplace& place) override {
    const unsigned possible = detail::startable_threads(width_);
    if (possible == 0) return 0;
    limit_.emplace(possible);
    const unsigned granted = limit_->granted();
    // No slot is reserved for threads from outside: none ever joins, they only enqueue.
    arena_.initialize(static_cast<int>(granted), 0);
    seats_ = std::make_shared<detail::seats>(granted);
    place_ = &place;
    return granted;
  }

  void wake(std::size_t n) noexcept override {
    if (!seats_) return;
    detail::seats::see_all_queued();
    for (; n > 0 && seats_->take(); --n) {
      if (!lend_thread()) return;
    }
  }

  void stop() noexcept override {
    if (!seats_) return;
    seats_->close();
    arena_.terminate();
    limit_.reset();
  }

 private:
  /// Requires: a seat was taken for the thread.
  bool lend_thread() noexcept {
    try {
      arena_.enqueue([seats = seats_, place = place_] {
        if (!seats->enter()) return;
        run_seat(*seats, *place);
        seats->leave();
      });
      return true;
    } catch (...) {
      // Out of memory. The job stays where it is: who waits for it runs it, and so does the
      // next thread that is lent.
      seats_->give_back();
      return false;
    }
  }

  const unsigned width_;
  std::optional<detail::parallelism> limit_;
  tbb::task_arena arena_;
  std::shared_ptr<detail::seats> seats_;
  workplace* place_ = nullptr;
};

}  // namespace

std::unique_ptr<engine> tbb_engine(unsigned workers) {
  if (workers > most_workers) {
    throw std::invalid_argument(
        "filch::tbb_engine: at most 4096 workers; leave the number out to "
        "have one per usable core");
  }
  // Core knows the rule: affinity, quota, FILCH_WORKERS.
  return std::make_unique<tbb_arena>(workers == 0 ? native_engine()->width() : workers);
}

}  // namespace v0
}  // namespace filch
