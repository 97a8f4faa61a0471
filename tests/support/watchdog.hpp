#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include <unistd.h>

#include "support/seeded.hpp"

namespace filch_test {

/// How much slower this build is than a release build.
inline int slowdown() {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  constexpr int built = 5;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
  constexpr int built = 5;
#else
  constexpr int built = 1;
#endif
#else
  constexpr int built = 1;
#endif
  const char* extra = std::getenv("FILCH_TEST_SLOWDOWN");
  const int factor = extra ? std::atoi(extra) : 1;
  return built * (factor > 0 ? factor : 1);
}

/// Turns a hang into a failure: unless destroyed within its deadline it prints the test, the seed
/// and what `dump` knows, then aborts the process.
///
/// `dump` runs on the watchdog's thread while the test's threads are stuck, so it may hang as
/// well: the process then dies of SIGALRM five seconds later.
class watchdog {
 public:
  explicit watchdog(std::function<void()> dump = {},
                    std::chrono::seconds deadline = std::chrono::seconds(30))
      : dump_(std::move(dump)),
        deadline_(deadline * slowdown()),
        test_(current_test()),
        thread_([this] { guard(); }) {}
  watchdog(const watchdog&) = delete;
  watchdog& operator=(const watchdog&) = delete;
  ~watchdog() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

 private:
  void guard() {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, deadline_, [this] { return over_; })) return;
    bark();
  }
  [[noreturn]] void bark() {
    std::fprintf(stderr,
                 "\n[   HANG   ] %s did not end within %lld s\n"
                 "[   SEED   ] FILCH_TEST_SEED=%llu\n",
                 test_.c_str(), static_cast<long long>(deadline_.count()),
                 static_cast<unsigned long long>(seed()));
    std::fflush(stderr);
    ::alarm(5);
    if (dump_) dump_();
    std::fflush(stderr);
    std::abort();
  }

  const std::function<void()> dump_;
  const std::chrono::seconds deadline_;
  const std::string test_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace filch_test
