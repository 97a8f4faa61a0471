#include <atomic>
#include <chrono>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <filch/pool.hpp>
#include <filch/this_job.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"
#include "support/counted.hpp"
#include "support/gate.hpp"

namespace {

using namespace std::chrono_literals;
using filch_test::eventually;

FILCH_CONFORMANCE(this_job);

TEST_P(this_job, answers_neutrally_outside_of_any) {
  EXPECT_FALSE(filch::this_job::stop_requested());
  EXPECT_FALSE(filch::this_job::stop_token().stop_possible());
  EXPECT_NO_THROW(filch::this_job::check());
  EXPECT_EQ(filch::this_job::name(), "");
  EXPECT_EQ(filch::this_job::lane(), filch::lane::cpu);
  EXPECT_FALSE(filch::this_worker::index().has_value());
}

TEST_P(this_job, knows_its_name_and_lane) {
  auto pool = make_pool();
  const auto name = [] { return std::string(filch::this_job::name()); };
  EXPECT_EQ(pool.submit(name).get(), "");
  EXPECT_EQ(pool.with({.name = "resize"}).submit(name).get(), "resize");
  EXPECT_EQ(pool.submit(filch::this_job::lane).get(), filch::lane::cpu);
  EXPECT_EQ(pool.with(filch::on_io).submit(filch::this_job::lane).get(), filch::lane::io);
}

TEST_P(this_job, options_other_than_the_stop_do_not_reach_nested_jobs) {
  auto pool = make_pool();
  auto outer = pool.with({.lane = filch::lane::io, .name = "outer"}).submit([&] {
    return pool.submit([] { return std::string(filch::this_job::name()); }).get() +
           (pool.submit(filch::this_job::lane).get() == filch::lane::cpu ? "cpu" : "io");
  });
  EXPECT_EQ(outer.get(), "cpu");
}

TEST_P(this_job, is_restored_when_a_job_ran_in_a_waiters_place) {
  auto pool = make_pool_of(1);
  auto names = pool.with({.name = "outer"}).submit([&] {
    const std::string before(filch::this_job::name());
    const auto inner = pool.with({.name = "inner"})
                           .submit([] { return std::string(filch::this_job::name()); })
                           .get();
    return before + "," + inner + "," + std::string(filch::this_job::name());
  });
  EXPECT_EQ(names.get(), "outer,inner,outer");
  EXPECT_EQ(filch::this_job::name(), "");
}

TEST_P(this_job, sees_that_it_was_cancelled) {
  filch_test::gate door;
  auto pool = make_pool();
  auto f = pool.with(filch::on_io).submit([&] {
    door.wait();
    const bool asked = filch::this_job::stop_requested();
    const bool token = filch::this_job::stop_token().stop_requested();
    return asked && token;
  });
  EXPECT_TRUE(door.wait_for_visitors(1));
  f.cancel();
  door.open();
  EXPECT_TRUE(f.get());
}

TEST_P(this_job, check_throws_cancelled_once_asked_to_stop) {
  auto pool = make_pool();
  std::stop_source source;
  auto f = pool.with({.stop = source.get_token()}).submit([&] {
    filch::this_job::check();
    source.request_stop();
    filch::this_job::check();
    return 1;
  });
  EXPECT_THROW(f.get(), filch::cancelled);
}

TEST_P(this_job, its_stop_reaches_what_it_submits) {
  filch_test::gate door;
  auto pool = make_pool();
  std::stop_source source;
  auto outer = pool.with({.lane = filch::lane::io, .stop = source.get_token()}).submit([&] {
    auto inner = pool.with(filch::on_io).submit([&] {
      auto innermost = pool.with(filch::on_io).submit([&](std::stop_token token) {
        door.wait();
        return token.stop_requested();
      });
      return innermost.get();
    });
    return inner.get();
  });
  EXPECT_TRUE(door.wait_for_visitors(1));
  source.request_stop();
  door.open();
  EXPECT_TRUE(outer.get());
}

TEST_P(this_job, cancelling_the_inner_leaves_the_outer_alone) {
  auto pool = make_pool();
  auto outer = pool.submit([&] {
    auto inner = pool.submit_after(1h, [] {});
    inner.cancel();
    return filch::this_job::stop_requested();
  });
  EXPECT_FALSE(outer.get());
}

TEST_P(this_job, callbacks_on_its_token_run_when_it_is_cancelled) {
  filch_test::gate door;
  auto pool = make_pool();
  std::atomic<bool> called{false};
  auto f = pool.with(filch::on_io).submit([&] {
    const std::stop_callback on_stop(filch::this_job::stop_token(), [&] { called = true; });
    door.wait();
  });
  EXPECT_TRUE(door.wait_for_visitors(1));
  f.cancel();
  EXPECT_TRUE(called);
  door.open();
  f.wait();
}

TEST_P(this_job, a_stop_of_an_outer_job_crosses_pools) {
  filch_test::gate door;
  auto one = make_pool();
  auto two = make_pool();
  std::stop_source source;
  auto outer = one.with({.lane = filch::lane::io, .stop = source.get_token()}).submit([&] {
    return two.with(filch::on_io)
        .submit([&](std::stop_token token) {
          door.wait();
          return token.stop_requested();
        })
        .get();
  });
  EXPECT_TRUE(door.wait_for_visitors(1));
  source.request_stop();
  door.open();
  EXPECT_TRUE(outer.get());
}

TEST_P(this_job, the_pool_of_the_job_is_the_pool_of_free_verbs) {
  auto pool = make_pool();
  const auto before = pool.stats().total().run;
  pool.submit([] { filch::fork_join([] {}, [] {}); }).get();
  EXPECT_GT(pool.stats().total().run, before);
  EXPECT_FALSE(pool.stats().per_worker.empty());
}

}  // namespace
