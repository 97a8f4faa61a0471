#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include <filch/detail/export.hpp>

namespace filch {
inline namespace v0 {

/// What core offers to an engine: a place where the engine's threads can work.
/// Lifetime: valid from `engine::start` until `engine::stop` returns.
class workplace {
 public:
  workplace(const workplace&) = delete;
  workplace& operator=(const workplace&) = delete;

  /// Works on the calling thread, as a worker of the pool, until no job can be found for a
  /// moment; then returns, so that the lent thread can go home. Runs the pool's on_start and
  /// on_exit around it. Threads: at most `width()` of the engine's threads at a time.
  virtual void work_until_idle() = 0;

  /// True if there may be a job that no thread has taken. An engine that just counted a thread
  /// out must ask once more, or a job queued in between would stay.
  virtual bool has_work() const noexcept = 0;

  /// Starts a thread of core's own that works here, parks when idle, and ends with the pool.
  /// False when the system has no thread to give.
  virtual bool add_worker() = 0;

 protected:
  workplace() = default;
  ~workplace() = default;
};

/// Where a pool's cpu workers come from. The jobs, the queues and the waiting rules are core's
/// own, so every verb behaves the same on every engine; an engine only lends threads.
class FILCH_API engine {
 public:
  engine() = default;
  engine(const engine&) = delete;
  engine& operator=(const engine&) = delete;
  virtual ~engine();

  /// The name users select it by: "native", "tbb", "serial".
  virtual std::string_view name() const noexcept = 0;
  /// Workers asked for; 0 means that only threads which wait run jobs, one at a time, in order.
  virtual unsigned width() const noexcept = 0;
  /// Begins to lend threads to `place`; called once. Returns how many workers there will be, which
  /// may be fewer than `width()` where the system has no threads to give.
  virtual unsigned start(workplace& place) = 0;
  /// `n` jobs were queued and no parked worker could be woken for them. May be called by any
  /// thread from start until the engine's destructor (by a caller whose job has ended already,
  /// even during and after stop, to no effect), and must be cheap where nothing is to do.
  virtual void wake(std::size_t n) noexcept = 0;
  /// Takes all threads back; on return none is inside the workplace. Called once, when no job is
  /// left.
  virtual void stop() noexcept = 0;
};

/// The engine of filch itself: threads that park on an event count. 0: as `pool()` sizes itself.
FILCH_API std::unique_ptr<engine> native_engine(unsigned workers = 0);

}  // namespace v0
}  // namespace filch
