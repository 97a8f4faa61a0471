#include "parallelism.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/info.h>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

using control = tbb::global_control;

/// The one limit, and what it has to hold.
class shared_limit {
 public:
  /// Never destroyed: a static pool may end after every other static object.
  static shared_limit& global() {
    static auto& one = *new shared_limit;
    return one;
  }

  /// Returns the limit that holds for the process afterwards.
  std::size_t change(unsigned more, unsigned less) {
    const std::lock_guard lock(mutex_);
    const unsigned sum = sum_ + more - less;
    // The new one first: between two limits, the default would hold and take workers away.
    auto next = sum == 0 ? nullptr
                         : std::make_unique<control>(
                               control::max_allowed_parallelism,
                               static_cast<std::size_t>(tbb::info::default_concurrency()) + sum);
    limit_ = std::move(next);
    sum_ = sum;
    return control::active_value(control::max_allowed_parallelism);
  }

 private:
  std::mutex mutex_;
  unsigned sum_ = 0;
  std::unique_ptr<control> limit_;
};

}  // namespace

unsigned startable_threads(unsigned wanted) noexcept {
  std::atomic<bool> over{false};
  std::vector<std::thread> started;
  try {
    started.reserve(wanted);
    for (unsigned i = 0; i < wanted; ++i) {
      // order: [relaxed: it only keeps the thread alive; join orders the rest]
      started.emplace_back([&over] { over.wait(false, std::memory_order_relaxed); });
    }
  } catch (...) {
    // What has started is the answer.
  }
  // order: [relaxed: as above]
  over.store(true, std::memory_order_relaxed);
  over.notify_all();
  for (auto& thread : started) thread.join();
  return static_cast<unsigned>(started.size());
}

parallelism::parallelism(unsigned workers) : workers_(workers) {
  const std::size_t limit = shared_limit::global().change(workers, 0);
  // The limit counts the thread that calls. Where it leaves none, oneTBB still lends one for what
  // was enqueued.
  const std::size_t room = std::max<std::size_t>(limit, 2) - 1;
  granted_ = static_cast<unsigned>(std::min<std::size_t>(workers, room));
}

parallelism::~parallelism() {
  try {
    shared_limit::global().change(0, workers_);
  } catch (...) {
    // Out of memory: the limit stays higher than it need be.
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
