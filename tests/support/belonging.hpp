#pragma once

#include <atomic>

namespace filch_test {

/// Something that a job owns. All of them are gone when their jobs are.
class belonging {
 public:
  belonging() noexcept { change(1); }
  belonging(const belonging&) noexcept { change(1); }
  belonging(belonging&&) noexcept { change(1); }
  belonging& operator=(const belonging&) = delete;
  belonging& operator=(belonging&&) = delete;
  ~belonging() { change(-1); }
  static long alive() { return count().load(); }

 private:
  static std::atomic<long>& count() {
    static std::atomic<long> living{0};
    return living;
  }
  static void change(long by) noexcept { count().fetch_add(by, std::memory_order_relaxed); }
};

}  // namespace filch_test
