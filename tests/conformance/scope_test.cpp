#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/pool.hpp>
#include <filch/scope.hpp>
#include <filch/submit.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::counted;
using filch_test::eventually;
using filch_test::ledger;
using filch_test::move_only;
using filch_test::no_leaks;

FILCH_CONFORMANCE(scope);

void wait_for_stop() {
  while (!filch::this_job::stop_requested()) std::this_thread::sleep_for(100us);
}

// mirrors rayon scope_empty, scope_result
TEST_P(scope, returns_what_its_body_returns) {
  auto pool = make_pool();
  pool.scope([](auto&) {});
  EXPECT_EQ(pool.scope([](filch::job_scope&) { return std::make_unique<int>(22); }).operator*(),
            22);
  int x = 0;
  int& same = pool.scope([&](auto&) -> int& { return x; });
  EXPECT_EQ(&same, &x);
}

// mirrors rayon scope_two
TEST_P(scope, returns_when_every_job_has_ended) {
  auto pool = make_pool();
  std::vector<int> marks(200);
  pool.scope([&](auto& s) {
    for (auto& mark : marks) s.spawn([&mark] { mark = 1; });
  });
  EXPECT_EQ(marks, std::vector<int>(200, 1));
}

void divide(filch::job_scope& s, std::atomic<long>& sum, long lo, long hi) {
  while (hi - lo > 10) {
    const long mid = lo + (hi - lo) / 2;
    s.spawn([&s, &sum, mid, hi] { divide(s, sum, mid, hi); });
    hi = mid;
  }
  for (; lo < hi; ++lo) sum += lo;
}

// mirrors rayon scope_divide_and_conquer
TEST_P(scope, waits_for_jobs_that_jobs_have_spawned) {
  auto pool = make_pool();
  std::atomic<long> sum{0};
  pool.scope([&](auto& s) { divide(s, sum, 0, 10'000); });
  EXPECT_EQ(sum, 49'995'000);
}

struct chain_link {
  filch::job_scope& s;
  int& links;
  void operator()() const {
    if (++links < 20'000) s.spawn(*this);
  }
};

// mirrors rayon linear_stack_growth
TEST_P(scope, takes_a_long_chain_of_spawns_without_deep_stacks) {
  auto pool = make_pool();
  int links = 0;
  pool.scope([&](auto& s) { s.spawn(chain_link{s, links}); });
  EXPECT_EQ(links, 20'000);
}

TEST_P(scope, frees_each_closure_when_its_job_has_ended) {
  const no_leaks check;
  auto pool = make_pool();
  const long before = ledger::global().live;
  pool.scope([&](auto& s) {
    for (int round = 0; round < 200; ++round) {
      pool.scope([&](auto& few) {
        for (int i = 0; i < 10; ++i) few.spawn([held = counted(i)] { (void)held; });
      });
      s.spawn([held = counted(1)] { (void)held; });
      if (concurrent()) {
        EXPECT_TRUE(eventually([&] { return ledger::global().live == before; }));
      }
    }
  });
  EXPECT_EQ(ledger::global().live, before) << "none is left when the scope returns";
}

TEST_P(scope, passes_copies_of_arguments_and_moves_move_only_ones) {
  const no_leaks check;
  auto pool = make_pool();
  int got = 0;
  std::string text = "before";
  std::string seen;
  pool.scope([&](auto& s) {
    s.spawn([&](move_only x, int y) { got = x.value + y; }, move_only(40), 2);
    s.spawn([&](const std::string& t) { seen = t; }, text);
    text = "after";
  });
  EXPECT_EQ(got, 42);
  EXPECT_EQ(seen, "before");
}

TEST_P(scope, gives_a_stop_token_to_a_callable_that_needs_one) {
  auto pool = make_pool();
  bool possible = false;
  pool.scope([&](auto& s) {
    s.spawn([&](std::stop_token stop) { possible = stop.stop_possible(); });
    EXPECT_FALSE(s.stop_requested());
    EXPECT_TRUE(s.stop_token().stop_possible());
  });
  EXPECT_TRUE(possible);
}

TEST_P(scope, puts_its_jobs_where_its_options_say) {
  auto pool = make_pool();
  filch::lane where = filch::lane::cpu;
  std::string name;
  pool.with({.lane = filch::lane::io, .name = "crawl"}).scope([&](auto& s) {
    s.spawn([&] {
      where = filch::this_job::lane();
      name = filch::this_job::name();
    });
  });
  EXPECT_EQ(where, filch::lane::io);
  EXPECT_EQ(name, "crawl");
}

TEST_P(scope, is_there_as_a_free_function_for_the_current_pool) {
  auto pool = make_pool();
  const auto inside = pool.submit([] {
                            int n = 0;
                            filch::scope([&](auto& s) { s.spawn([&n] { n = 5; }); });
                            return n;
                          })
                          .get();
  EXPECT_EQ(inside, 5);
}

// ---- errors -----------------------------------------------------------------------------------

// mirrors rayon panic_propagate_spawn, panic_propagate_nested_spawn
TEST_P(scope, throws_what_a_job_threw) {
  auto pool = make_pool();
  EXPECT_THROW(pool.scope([](auto& s) { s.spawn([] { throw std::domain_error("job"); }); }),
               std::domain_error);
  EXPECT_THROW(pool.scope([](auto& s) {
    s.spawn([&s] { s.spawn([&s] { s.spawn([] { throw std::domain_error("deep"); }); }); });
  }),
               std::domain_error);
}

// mirrors rayon panic_propagate_scope
TEST_P(scope, throws_what_its_body_threw_after_its_jobs_have_ended) {
  auto pool = make_pool();
  std::atomic<int> running{0};
  EXPECT_THROW(pool.with({.lane = filch::lane::io}).scope([&](auto& s) {
    s.spawn([&] {
      ++running;
      wait_for_stop();
      --running;
    });
    while (running == 0) std::this_thread::yield();
    throw std::domain_error("body");
  }),
               std::domain_error);
  EXPECT_EQ(running, 0);
}

TEST_P(scope, throws_the_first_error_in_time_and_counts_the_others) {
  filch_test::gate both;
  auto pool = make_pool();
  std::atomic<bool> first_thrown{false};
  try {
    pool.with({.lane = filch::lane::io}).scope([&](auto& s) {
      s.spawn([&] {
        both.wait();
        throw std::runtime_error("first");
      });
      s.spawn([&] {
        both.wait();
        wait_for_stop();
        first_thrown = true;
        throw std::runtime_error("second");
      });
      EXPECT_TRUE(both.wait_for_visitors(2));
      both.open();
      while (!first_thrown) std::this_thread::yield();
    });
    ADD_FAILURE() << "no error";
  } catch (const std::runtime_error& error) {
    EXPECT_STREQ(error.what(), "first");
  }
  EXPECT_EQ(pool.stats().suppressed, 1U);
}

TEST_P(scope, does_not_start_what_is_left_after_an_error) {
  const no_leaks check;
  auto pool = make_pool();
  std::atomic<int> ran{0};
  EXPECT_THROW(pool.scope([&](auto& s) {
    s.spawn([] { throw std::domain_error("stop here"); });
    while (concurrent() && !s.stop_requested()) std::this_thread::yield();
    if (!concurrent()) throw std::domain_error("stop here");
    for (int i = 0; i < 100; ++i) s.spawn([&, held = counted(1)] { ++ran; });
  }),
               std::domain_error);
  EXPECT_EQ(ran, 0);
}

TEST_P(scope, does_not_take_a_job_that_obeys_its_stop_for_a_failure) {
  filch_test::gate in;
  auto pool = make_pool();
  try {
    pool.with({.lane = filch::lane::io}).scope([&](auto& s) {
      for (int i = 0; i < 3; ++i) {
        s.spawn([&] {
          in.wait();
          wait_for_stop();
          filch::this_job::check();
        });
      }
      EXPECT_TRUE(in.wait_for_visitors(3));
      in.open();
      s.spawn([] { throw std::domain_error("the error"); });
      while (!s.stop_requested()) std::this_thread::yield();
    });
    ADD_FAILURE() << "no error";
  } catch (const std::domain_error&) {
  }
  EXPECT_EQ(pool.stats().suppressed, 0U);
}

TEST_P(scope, survives_a_closure_whose_copy_throws) {
  const no_leaks check;
  auto pool = make_pool();
  const filch_test::throwing_copy value(1);
  const filch_test::fail_copies_after none(0);
  EXPECT_THROW(pool.scope([&](auto& s) { s.spawn([](const auto&) {}, value); }),
               filch_test::copy_failed);
}

// ---- stopping ---------------------------------------------------------------------------------

TEST_P(scope, returns_as_usual_after_its_own_stop) {
  auto pool = make_pool();
  std::atomic<int> ran{0};
  const int found = pool.scope([&](auto& s) {
    s.stop();
    EXPECT_TRUE(s.stop_requested());
    for (int i = 0; i < 10; ++i) s.spawn([&] { ++ran; });
    return 3;
  });
  EXPECT_EQ(found, 3);
  EXPECT_EQ(ran, 0);
}

TEST_P(scope, never_returns_in_silence_when_a_stop_from_outside_left_out_jobs) {
  auto pool = make_pool();
  std::stop_source stop;
  EXPECT_THROW(pool.with({.stop = stop.get_token()}).scope([&](auto& s) {
    stop.request_stop();
    s.spawn([] {});
  }),
               filch::cancelled);
  EXPECT_EQ(pool.with({.stop = stop.get_token()}).scope([](auto&) { return 1; }), 1)
      << "nothing was left out";
}

TEST_P(scope, throws_timed_out_when_its_time_is_up) {
  auto pool = make_pool();
  EXPECT_THROW(pool.with({.lane = filch::lane::io, .timeout = 30ms}).scope([&](auto& s) {
    s.spawn([] { wait_for_stop(); });
  }),
               filch::timed_out);
}

TEST_P(scope, passes_its_stop_on_to_what_its_jobs_call) {
  filch_test::gate in;
  auto pool = make_pool();
  EXPECT_THROW(pool.with({.lane = filch::lane::io}).scope([&](auto& s) {
    s.spawn([&] {
      pool.with({.lane = filch::lane::io}).scope([&](auto& inner) {
        inner.spawn([&] {
          in.wait();
          wait_for_stop();
        });
      });
    });
    EXPECT_TRUE(in.wait_for_visitors(1));
    in.open();
    throw std::domain_error("outer");
  }),
               std::domain_error);
}

// ---- nesting ----------------------------------------------------------------------------------

// mirrors rayon nested_scopes
TEST_P(scope, nests_inside_jobs_of_a_pool_of_one) {
  auto pool = make_pool_of(1);
  std::atomic<int> leaves{0};
  pool.scope([&](auto& a) {
    for (int i = 0; i < 4; ++i) {
      a.spawn([&] {
        pool.scope([&](auto& b) {
          for (int k = 0; k < 4; ++k) {
            b.spawn([&] { pool.scope([&](auto& c) { c.spawn([&] { ++leaves; }); }); });
          }
        });
      });
    }
  });
  EXPECT_EQ(leaves, 16);
}

TEST_P(scope, of_one_pool_inside_a_job_of_another_and_back) {
  auto one = make_pool_of(1);
  auto other = make_pool_of(1);
  int deepest = 0;
  one.scope([&](auto& a) {
    a.spawn([&] {
      other.scope([&](auto& b) {
        b.spawn([&] { one.scope([&](auto& c) { c.spawn([&] { deepest = 3; }); }); });
      });
    });
  });
  EXPECT_EQ(deepest, 3);
}

TEST_P(scope, holds_a_mutex_across_nested_work) {
  auto pool = make_pool();
  std::mutex mutex;
  int inside = 0;
  pool.scope([&](auto& s) {
    for (int i = 0; i < 8; ++i) {
      s.spawn([&] {
        const std::lock_guard lock(mutex);
        pool.scope([&](auto& inner) { inner.spawn([&] { ++inside; }); });
      });
    }
  });
  EXPECT_EQ(inside, 8);
}

TEST_P(scope, runs_a_million_spawns) {
  auto pool = make_pool();
  allow(60s);
  std::atomic<long> sum{0};
  pool.scope([&](auto& s) {
    for (int i = 0; i < 1'000'000 / filch_test::slowdown(); ++i) s.spawn([&sum] { ++sum; });
  });
  EXPECT_EQ(sum, 1'000'000 / filch_test::slowdown());
}

TEST_P(scope, is_refused_by_a_closed_pool) {
  auto pool = make_pool();
  pool.close();
  EXPECT_THROW(pool.scope([](auto&) {}), filch::pool_closed);
}

}  // namespace
