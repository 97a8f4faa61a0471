#include <filch/pool.hpp>

#include <stdexcept>

#include "base/os_thread.hpp"
#include "base/sizing.hpp"
#include "base/warn.hpp"
#include "pool/pool_core.hpp"

namespace filch {
inline namespace v0 {

namespace {

constexpr unsigned most_threads = 1U << 15;

pool_options with_workers(unsigned workers) {
  if (workers == 0) {
    throw std::invalid_argument(
        "filch: pool(0) has nobody to work; use pool() for one worker per core, or "
        "serial_engine() for none");
  }
  pool_options options;
  options.workers = workers;
  return options;
}

detail::pool_ptr make_core(std::unique_ptr<engine> source, pool_options options, std::string rule) {
  if (options.max_threads > most_threads) {
    throw std::invalid_argument("filch: pool_options::max_threads is " +
                                std::to_string(options.max_threads) + ", more than " +
                                std::to_string(most_threads));
  }
  if (options.spin.count() < 0) {
    throw std::invalid_argument("filch: pool_options::spin must not be negative");
  }
  if (options.max_threads != 0 && options.max_threads < source->width()) {
    throw std::invalid_argument("filch: pool_options::max_threads is " +
                                std::to_string(options.max_threads) + ", fewer than the workers, " +
                                std::to_string(source->width()));
  }
  auto core =
      std::make_shared<detail::pool_core>(std::move(source), std::move(options), std::move(rule));
  try {
    core->start();
  } catch (...) {  // threads may have been started already
    core->close();
    core->join();
    throw;
  }
  return core;
}

detail::pool_ptr make_native(pool_options options) {
  std::string rule = "as asked for";
  unsigned workers = options.workers;
  if (workers == 0) {
    auto found = detail::default_sizing();
    workers = found.workers;
    rule = std::move(found.rule);
  }
  if (workers > detail::most_workers) {
    throw std::invalid_argument(
        "filch: " + std::to_string(workers) +
        " workers (was the number negative?) are more than a pool can have, " +
        std::to_string(detail::most_workers));
  }
  return make_core(native_engine(workers), std::move(options), std::move(rule));
}

detail::pool_ptr make_on(std::unique_ptr<engine> source, pool_options options) {
  if (!source) throw std::invalid_argument("filch: pool(engine) was given no engine");
  return make_core(std::move(source), std::move(options), "as asked for");
}

}  // namespace

worker_stats pool_stats::total() const noexcept {
  worker_stats sum;
  for (const auto& w : per_worker) {
    sum.run += w.run;
    sum.stolen += w.stolen;
    sum.forced += w.forced;
    sum.parked += w.parked;
  }
  return sum;
}

pool::pool() : core_(make_native({})) {}
pool::pool(unsigned workers) : core_(make_native(with_workers(workers))) {}
pool::pool(pool_options options) : core_(make_native(std::move(options))) {}
pool::pool(std::unique_ptr<engine> source, pool_options options)
    : core_(make_on(std::move(source), std::move(options))) {}

pool::~pool() {
  core_->close();
  if (!core_->is_part_of()) {
    core_->join();
    return;
  }
  // One of the pool's own jobs destroys it: another thread must wait for that job's end.
  auto core = core_;
  auto reaper = detail::os_thread::start(
      [core]() mutable {
        core->join();
        core.reset();
      },
      {});
  if (reaper.joinable()) {
    reaper.detach();
    return;
  }
  detail::warn("no thread to end a pool that was destroyed by its own job; its threads stay");
  core_->stay();
}

void pool::close() { core_->close(); }

void pool::join() {
  core_->require_same_process();
  if (core_->is_part_of()) {
    throw would_deadlock(
        "filch: join() in one of the pool's own jobs would wait for that job; call it from "
        "outside, or leave it to the destructor");
  }
  if (!core_->door().is_closed()) {
    throw std::logic_error("filch: join() waits for the pool's end; call close() before it");
  }
  core_->join();
}

shutdown_report pool::shutdown_for(std::chrono::nanoseconds limit) {
  return core_->shutdown_for(limit);
}

pool_stats pool::stats() const { return core_->stats(); }
std::string pool::describe() const { return core_->describe(); }
unsigned pool::workers() const noexcept { return core_->width(); }

}  // namespace v0
}  // namespace filch
