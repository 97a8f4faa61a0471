#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/pool.hpp>

namespace filch_test {

/// A door that jobs wait at until the test opens it; it counts who came.
class gate {
 public:
  void open() {
    {
      const std::lock_guard lock(mutex_);
      open_ = true;
    }
    changed_.notify_all();
  }
  /// Blocks until open.
  void wait() {
    std::unique_lock lock(mutex_);
    ++came_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  /// Blocks until `n` threads have come to `wait`; false after ten seconds.
  bool wait_for_visitors(int n) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return came_ >= n; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
  int came_ = 0;
};

/// Keeps `n` workers of a pool in jobs that compute (so that no stand-in is due for them) until it
/// is released; then whatever is submitted meanwhile cannot have started.
class busy_workers {
 public:
  busy_workers(const filch::pool& pool, unsigned n) {
    for (unsigned i = 0; i < n; ++i) {
      jobs_.push_back(pool.submit([this] {
        entered_.fetch_add(1);
        while (!released_) std::this_thread::yield();
      }));
    }
    while (entered_ < n) std::this_thread::yield();
  }
  busy_workers(const busy_workers&) = delete;
  busy_workers& operator=(const busy_workers&) = delete;
  ~busy_workers() { release(); }

  /// Lets the workers go, and returns when they have gone.
  void release() {
    released_ = true;
    for (auto& job : jobs_) job.wait();
    jobs_.clear();
  }

 private:
  std::atomic<unsigned> entered_{0};
  std::atomic<bool> released_{false};
  std::vector<filch::future<void>> jobs_;
};

/// The most that were between `enter` and `leave` at the same time.
class peak {
 public:
  void enter() {
    const int now = inside_.fetch_add(1) + 1;
    int seen = most_;
    while (seen < now && !most_.compare_exchange_weak(seen, now)) {
    }
  }
  void leave() { inside_.fetch_sub(1); }
  int most() const { return most_; }

 private:
  std::atomic<int> inside_{0};
  std::atomic<int> most_{0};
};

/// Collects what reaches a pool's on_unhandled. Outlives the pool when declared before it.
class unhandled_errors {
 public:
  auto handler() {
    return [this](std::exception_ptr error) {
      const std::lock_guard lock(mutex_);
      errors_.push_back(std::move(error));
    };
  }
  std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return errors_.size();
  }
  /// The text of the i-th.
  std::string text(std::size_t i) const {
    const std::lock_guard lock(mutex_);
    return filch::describe(errors_.at(i));
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::exception_ptr> errors_;
};

}  // namespace filch_test
