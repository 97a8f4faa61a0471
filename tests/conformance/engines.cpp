#include "engines.hpp"

#include <cstdio>
#include <utility>

#include <filch/select.hpp>

#include "support/seeded.hpp"

namespace filch_test {

std::string engine_case::name() const {
  return workers == 0 ? engine : engine + "_" + std::to_string(workers);
}

std::vector<engine_case> engine_cases() {
  std::vector<engine_case> all{{"serial", 0}};
  for (const unsigned n : {1U, 2U, 3U, 8U}) all.push_back({"native", n});
#ifdef FILCH_HAS_TBB
  for (const unsigned n : {1U, 2U, 3U, 8U}) all.push_back({"tbb", n});
#endif
  return all;
}

known_pools::place known_pools::add(const filch::pool* pool) {
  const std::lock_guard lock(mutex_);
  return pools_.insert(pools_.end(), pool);
}

void known_pools::remove(place where) {
  const std::lock_guard lock(mutex_);
  pools_.erase(where);
}

void known_pools::dump() {
  const std::lock_guard lock(mutex_);
  for (const auto* pool : pools_) {
    std::fprintf(stderr, "[   POOL   ] %s\n", pool->describe().c_str());
    const auto s = pool->stats();
    std::fprintf(stderr,
                 "  workers %u, io threads %u (%llu started), spares started %llu, "
                 "suppressed %llu, unhandled %llu\n",
                 s.workers, s.io_threads, static_cast<unsigned long long>(s.io_threads_started),
                 static_cast<unsigned long long>(s.spares_started),
                 static_cast<unsigned long long>(s.suppressed),
                 static_cast<unsigned long long>(s.unhandled));
    for (std::size_t i = 0; i < s.per_worker.size(); ++i) {
      const auto& w = s.per_worker[i];
      std::fprintf(
          stderr, "  slot %zu: run %llu, stolen %llu, forced %llu, parked %llu\n", i,
          static_cast<unsigned long long>(w.run), static_cast<unsigned long long>(w.stolen),
          static_cast<unsigned long long>(w.forced), static_cast<unsigned long long>(w.parked));
    }
  }
}

std::unique_ptr<filch::engine> conformance::make_engine() {
  return filch::make_engine(GetParam().engine, workers());
}

test_pool conformance::make_pool(filch::pool_options options) {
  return test_pool(known_, make_engine(), std::move(options));
}

test_pool conformance::make_pool_of(unsigned workers, filch::pool_options options) {
  return test_pool(known_, filch::make_engine(GetParam().engine, concurrent() ? workers : 0),
                   std::move(options));
}

std::unique_ptr<test_pool> conformance::make_heap_pool(filch::pool_options options) {
  return std::make_unique<test_pool>(known_, make_engine(), std::move(options));
}

void conformance::SetUp() { allow(std::chrono::seconds(30)); }

void conformance::TearDown() { watchdog_.reset(); }

void conformance::allow(std::chrono::seconds deadline) {
  watchdog_.reset();
  watchdog_ = std::make_unique<watchdog>([known = known_] { known->dump(); }, deadline);
}

namespace {
std::vector<std::string>& skipped() {
  static std::vector<std::string> list;
  return list;
}
}  // namespace

void note_skipped_concurrent() { skipped().push_back(current_test()); }

void forget_skipped_concurrent() { skipped().clear(); }

const std::vector<std::string>& skipped_concurrent() { return skipped(); }

}  // namespace filch_test
