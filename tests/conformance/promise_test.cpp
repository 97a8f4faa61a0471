#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <filch/imap.hpp>
#include <filch/map.hpp>
#include <filch/pool.hpp>
#include <filch/promise.hpp>
#include <filch/race.hpp>
#include <filch/submit.hpp>
#include <filch/when.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"

namespace {

using namespace std::chrono_literals;

FILCH_CONFORMANCE(promise);

/// Keeps promises a little later, as an event loop would.
class later {
 public:
  template <class Do>
  void run(Do what) {
    threads_.emplace_back([what = std::move(what)]() mutable {
      std::this_thread::sleep_for(2ms);
      what();
    });
  }
  ~later() {
    for (auto& t : threads_) t.join();
  }

 private:
  std::vector<std::thread> threads_;
};

TEST_P(promise, the_value_that_is_set_is_the_one_that_is_got) {
  auto pool = make_pool();
  later elsewhere;
  filch::promise<std::string> given(pool);
  auto answer = given.get_future();
  EXPECT_FALSE(answer.ready());
  elsewhere.run([given = std::move(given)]() mutable { EXPECT_TRUE(given.set_value(3U, 'x')); });
  EXPECT_EQ(answer.get(), "xxx");
}

TEST_P(promise, values_without_a_copy_references_and_nothing_at_all) {
  auto pool = make_pool();
  filch::promise<std::unique_ptr<int>> owner(pool);
  auto owned = owner.get_future();
  owner.set_value(std::make_unique<int>(7));
  EXPECT_EQ(*owned.get(), 7);

  int there = 1;
  filch::promise<int&> pointer(pool);
  auto reference = pointer.get_future();
  pointer.set_value(there);
  EXPECT_EQ(&reference.get(), &there);

  filch::promise<void> bell(pool);
  auto rung = bell.get_future();
  bell.set_value();
  rung.get();
}

TEST_P(promise, an_error_is_thrown_by_get_and_the_first_outcome_counts) {
  auto pool = make_pool();
  filch::promise<int> given(pool);
  auto answer = given.get_future();
  EXPECT_TRUE(given.set_error(std::make_exception_ptr(std::runtime_error("no"))));
  EXPECT_FALSE(given.set_value(3));
  EXPECT_FALSE(given.set_error(nullptr));
  EXPECT_THROW(answer.get(), std::runtime_error);
}

TEST_P(promise, a_constructor_that_throws_makes_an_error) {
  struct picky {
    explicit picky(int x) {
      if (x < 0) throw std::out_of_range("below nothing");
    }
  };
  auto pool = make_pool();
  filch::promise<picky> given(pool);
  auto answer = given.get_future();
  EXPECT_TRUE(given.set_value(-1));
  EXPECT_THROW(answer.get(), std::out_of_range);
}

TEST_P(promise, destroyed_unkept_it_is_broken) {
  auto pool = make_pool();
  filch::future<int> answer;
  {
    filch::promise<int> given(pool);
    answer = given.get_future();
  }
  EXPECT_THROW(answer.get(), filch::broken_promise);
  filch::promise<int> first(pool), second(pool);
  auto of_first = first.get_future();
  first = std::move(second);
  EXPECT_THROW(of_first.get(), filch::broken_promise);
  filch::promise<int> null(pool);
  auto of_null = null.get_future();
  null.set_error(nullptr);
  EXPECT_THROW(of_null.get(), filch::broken_promise);
}

TEST_P(promise, misuse_has_a_name) {
  auto pool = make_pool();
  filch::promise<int> given(pool);
  auto answer = given.get_future();
  EXPECT_THROW(static_cast<void>(given.get_future()), std::logic_error);
  auto moved = std::move(given);
  EXPECT_FALSE(given.set_value(1));
  EXPECT_THROW(static_cast<void>(given.get_future()), std::logic_error);
  EXPECT_TRUE(moved.set_value(2));
  EXPECT_EQ(answer.get(), 2);
}

TEST_P(promise, cancel_asks_and_who_made_the_promise_decides) {
  auto pool = make_pool();
  filch::promise<int> given(pool);
  auto answer = given.get_future();
  const auto asked = given.stop_token();
  EXPECT_FALSE(answer.cancel());
  EXPECT_TRUE(asked.stop_requested());
  EXPECT_FALSE(answer.ready());
  given.set_error(std::make_exception_ptr(filch::cancelled()));
  EXPECT_THROW(answer.get(), filch::cancelled);
}

TEST_P(promise, hears_of_a_stop_of_the_job_that_made_it_and_of_the_users) {
  auto pool = make_pool();
  std::stop_source user;
  filch::promise<int> told(pool, user.get_token());
  const auto by_user = told.stop_token();
  user.request_stop();
  EXPECT_TRUE(by_user.stop_requested());

  std::stop_token by_job;
  std::stop_source of_job;
  pool.with({.stop = of_job.get_token()})
      .submit([&] {
        filch::promise<int> inside;
        by_job = inside.stop_token();
        EXPECT_FALSE(by_job.stop_requested());
        of_job.request_stop();
        EXPECT_TRUE(by_job.stop_requested());
      })
      .wait();
}

TEST_P(promise, then_runs_as_a_job_and_callbacks_where_it_is_kept) {
  auto pool = make_pool();
  later elsewhere;
  filch::promise<int> given(pool);
  auto answer = given.get_future();
  std::thread::id kept_on, called_on;
  answer.on_done([&](int) { called_on = std::this_thread::get_id(); });
  std::thread::id next_on;
  auto next = answer.then([&](int x) {
    next_on = std::this_thread::get_id();
    return x + 1;
  });
  elsewhere.run([&, given = std::move(given)]() mutable {
    kept_on = std::this_thread::get_id();
    given.set_value(41);
  });
  EXPECT_EQ(next.get(), 42);
  EXPECT_EQ(called_on, kept_on);
  EXPECT_NE(next_on, kept_on);
}

TEST_P(promise, a_worker_that_waits_for_one_is_replaced) {
  auto pool = make_pool_of(1);
  filch::promise<int> given(pool);
  auto answer = given.get_future();
  auto waits = pool.submit([&] { return answer.get(); });
  auto keeps = pool.with({.lane = filch::lane::io}).submit([&] { given.set_value(5); });
  EXPECT_EQ(waits.get(), 5);
  keeps.get();
}

TEST_P(promise, is_one_of_several_in_when_all_and_when_any) {
  auto pool = make_pool();
  later elsewhere;
  filch::promise<int> first(pool), second(pool);
  std::vector<filch::future<int>> both;
  both.push_back(first.get_future());
  both.push_back(second.get_future());
  auto all = filch::when_all(std::move(both));
  elsewhere.run([first = std::move(first)]() mutable { first.set_value(1); });
  elsewhere.run([second = std::move(second)]() mutable { second.set_value(2); });
  EXPECT_EQ(all.get(), (std::vector{1, 2}));
}

TEST_P(promise, many_threads_set_it_and_one_of_them_decides) {
  auto pool = make_pool();
  for (int round = 0; round < 200; ++round) {
    filch::promise<int> given(pool);
    auto answer = given.get_future();
    std::atomic<int> decided{0};
    std::atomic<int> who{-1};
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&, i] {
        if (given.set_value(i)) ++decided, who = i;
      });
    }
    const int got = answer.get();
    for (auto& t : threads) t.join();
    EXPECT_EQ(decided, 1);
    EXPECT_EQ(got, who);
  }
}

TEST_P(promise, outlives_its_pool) {
  filch::future<int> answer;
  filch::promise<int> given = [&] {
    auto pool = make_pool();
    filch::promise<int> made(pool);
    answer = made.get_future();
    return made;
  }();
  given.set_value(3);
  EXPECT_EQ(answer.get(), 3);
}

TEST_P(promise, tells_its_callbacks_though_the_future_is_gone) {
  auto pool = make_pool();
  int told = 0;
  {
    filch::promise<int> given(pool);
    given.get_future().on_error([&](const std::exception_ptr&) { ++told; });
  }
  EXPECT_EQ(told, 1);
}

TEST_P(promise, that_a_queued_job_is_to_keep_is_kept) {
  auto pool = make_pool();
  filch::promise<int> given(pool);
  auto answer = given.get_future();
  pool.post([given = std::move(given)]() mutable { given.set_value(4); });
  EXPECT_EQ(answer.get(), 4);
}

TEST_P(promise, may_go_as_soon_as_the_result_is_there) {
  auto pool = make_pool();
  for (int round = 0; round < 300; ++round) {
    std::thread keeper;
    {
      filch::promise<int> given(pool);
      auto answer = given.get_future();
      answer.on_done([](int) {});
      keeper = std::thread([&given] { given.set_value(1); });
      while (!answer.ready()) std::this_thread::yield();
    }
    keeper.join();
  }
}

TEST_P(promise, a_stop_may_end_what_listens_to_it) {
  struct operation {
    explicit operation(std::stop_token user) : given(std::move(user)) {}
    filch::promise<int> given;
    std::optional<std::stop_callback<std::function<void()>>> on_stop;
  };
  auto pool = make_pool();
  std::stop_source user;
  auto* const under_way = new operation(user.get_token());
  auto answer = under_way->given.get_future();
  under_way->on_stop.emplace(under_way->given.stop_token(), [under_way] {
    under_way->given.set_error(std::make_exception_ptr(filch::cancelled()));
    delete under_way;
  });
  user.request_stop();
  EXPECT_THROW(answer.get(), filch::cancelled);
}

TEST_P(promise, a_thread_that_keeps_promises_does_not_wait_for_one) {
  auto pool = make_pool();
  filch::promise<int> given(pool);
  auto answer = given.get_future();
  EXPECT_FALSE(filch::promise_keeper::is_here());
  {
    const filch::promise_keeper loop;
    EXPECT_TRUE(filch::promise_keeper::is_here());
    {
      const filch::promise_keeper within;
    }
    EXPECT_TRUE(filch::promise_keeper::is_here());
    EXPECT_THROW(answer.wait(), filch::would_deadlock);
    given.set_value(3);
    EXPECT_EQ(answer.get(), 3) << "what is there may be taken";
  }
  EXPECT_FALSE(filch::promise_keeper::is_here());
}

TEST_P(promise, a_thread_that_keeps_promises_may_use_what_uses_its_frame) {
  const filch::promise_keeper loop;
  auto pool = make_pool();
  const std::vector<int> xs{1, 2, 3, 4, 5, 6, 7, 8};
  const auto slowly = [](int x) {
    std::this_thread::sleep_for(1ms);
    return x;
  };
  EXPECT_EQ(pool.map(slowly, xs), xs);
  EXPECT_EQ(pool.with({.lane = filch::lane::io}).map(slowly, xs), xs);
  EXPECT_THROW(pool.imap(slowly, xs), filch::would_deadlock);
  EXPECT_THROW(pool.race(slowly, xs), filch::would_deadlock);
  auto job = pool.submit(slowly, 1);
  EXPECT_THROW(job.get(), filch::would_deadlock);
  pool.close();
  pool.join();
  EXPECT_EQ(job.get(), 1);
}

}  // namespace
