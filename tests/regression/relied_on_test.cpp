// While others rely on a thread, none of the user's code may run on it; nor under a lock of ours.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <utility>

#include <filch/filch.hpp>

#include "support/watchdog.hpp"

namespace {

using namespace std::chrono_literals;

void spin_until(const std::atomic<bool>& flag) {
  while (!flag) std::this_thread::yield();
}

struct flags {
  std::atomic<bool> ending{false};
  std::atomic<bool> posted_ran{false};
};

/// A closure whose end on a worker takes until another job has run.
class slow_end {
 public:
  explicit slow_end(std::shared_ptr<flags> f) : flags_(std::move(f)) {}
  slow_end(slow_end&&) noexcept = default;
  ~slow_end() {
    if (!flags_ || std::this_thread::get_id() == caller_) return;
    flags_->ending = true;
    spin_until(flags_->posted_ran);
  }

 private:
  std::shared_ptr<flags> flags_;
  std::thread::id caller_ = std::this_thread::get_id();
};

// A searcher that finds a job somebody has cancelled destroys its closure: it is not one to rely
// on.
TEST(regression_relied_on, who_destroys_a_cancelled_jobs_closure_is_no_searcher) {
  const filch_test::watchdog guard;
  filch::pool pool(2U);
  int met = 0;
  for (int round = 0; round < 300; ++round) {
    const auto now = std::make_shared<flags>();
    std::this_thread::sleep_for(2ms);  // both workers sleep
    if (!pool.submit([end = slow_end(now)] {}).cancel()) now->posted_ran = true;
    const auto begin = std::chrono::steady_clock::now();
    while (!now->ending && std::chrono::steady_clock::now() - begin < 5ms) {
      std::this_thread::yield();
    }
    if (now->ending) ++met;
    pool.post([now] { now->posted_ran = true; });  // whom does it wake?
    spin_until(now->posted_ran);
  }
  EXPECT_GT(met, 0) << "nothing was shown";
}

// errors::first asks for the stop, and users' stop callbacks run inside; another item may fail
// meanwhile.
TEST(regression_relied_on, a_loop_asks_for_its_stop_without_a_lock) {
  const filch_test::watchdog guard;
  filch::pool pool(3U);
  std::atomic<int> inside{0};
  std::atomic<bool> asked{false};
  std::atomic<bool> third_reported{false};
  const auto item = [&](int i) {
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
    if (i == 0) {
      on_stop.emplace(filch::this_job::stop_token(), [&] {
        asked = true;
        spin_until(third_reported);
      });
    }
    ++inside;
    while (inside < 3) std::this_thread::yield();
    if (i == 1) throw std::runtime_error("the first to fail");
    spin_until(asked);
    if (i == 2) throw std::runtime_error("fails while the stop is asked for");
    std::this_thread::sleep_for(50ms);
  };
  const auto progress = [&](const filch::progress& now) {
    if (now.failed >= 2 || now.done >= 1) third_reported = true;
  };
  EXPECT_THROW(
      pool.for_index(0, 3, item,
                     {.chunk = 1, .errors = filch::errors::first, .on_progress = progress}),
      std::runtime_error);
}

}  // namespace
