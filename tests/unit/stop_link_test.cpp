#include <filch/detail/stop_link.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <stop_token>
#include <thread>
#include <vector>

namespace {

using filch::detail::ref;
using filch::detail::stop_link;
using filch::detail::stop_state;

TEST(stop_link, hears_of_a_stop_above_itself_at_any_depth) {
  stop_link top;
  stop_link middle;
  stop_link low;
  middle.hang_inside(top, {}, false);
  low.hang_inside(middle, {}, false);
  EXPECT_FALSE(low.stop_requested());
  top.request_stop();
  EXPECT_TRUE(low.stop_requested());
}

TEST(stop_link, stops_nothing_above_or_beside_itself) {
  stop_link top;
  stop_link left;
  stop_link right;
  left.hang_inside(top, {}, false);
  right.hang_inside(top, {}, false);
  left.request_stop();
  EXPECT_TRUE(left.stop_requested());
  EXPECT_FALSE(top.stop_requested());
  EXPECT_FALSE(right.stop_requested());
}

TEST(stop_link, obeys_the_users_token_and_those_further_out) {
  std::stop_source inner;
  std::stop_source outer;
  stop_link top;
  stop_link call;
  stop_link part;
  call.hang_inside(top, outer.get_token(), false);
  part.hang_inside(call, inner.get_token(), false);
  EXPECT_FALSE(part.stop_requested());
  outer.request_stop();
  EXPECT_TRUE(part.stop_requested());
  EXPECT_TRUE(call.stop_requested());
}

TEST(stop_link, its_token_tells_of_a_stop_before_and_after_it_was_made) {
  stop_link top;
  stop_link low;
  low.hang_inside(top, {}, false);
  const auto early = low.token();
  EXPECT_FALSE(early.stop_requested());
  bool called = false;
  const std::stop_callback on_stop(early, [&] { called = true; });
  top.request_stop();
  EXPECT_TRUE(called);
  EXPECT_TRUE(early.stop_requested());
  EXPECT_TRUE(low.token().stop_requested());
}

TEST(stop_link, what_hangs_below_may_outlive_it) {
  stop_link top;
  stop_link child;
  {
    stop_link job;
    job.hang_inside(top, {}, true);
    child.hang_below(job.shared(), {}, true);
    job.end();
  }
  EXPECT_FALSE(child.stop_requested());
  top.request_stop();
  EXPECT_TRUE(child.stop_requested());
}

// What a job makes as it ends, in a callback on its result, must not grow a chain of such jobs.
TEST(stop_link, is_left_out_if_it_was_shared_after_its_end) {
  stop_link top;
  stop_link job;
  job.hang_inside(top, {}, true);
  job.end();
  const auto late = job.shared();
  const auto child = filch::detail::make_ref<stop_state>(late, std::stop_token{}, true);
  child->shorten();
  late->request_stop();
  EXPECT_FALSE(child->stop_requested()) << "it still hangs below a link that has ended";
  top.request_stop();
  EXPECT_TRUE(child->stop_requested());
}

// So jobs that post jobs that post jobs share one link.
TEST(stop_link, where_nobody_asks_what_is_made_below_hangs_further_up) {
  stop_link top;
  stop_link posted;
  stop_link posted_by_it;
  posted.hang_inside(top, {}, true);
  posted.nobody_asks();
  posted_by_it.hang_below(posted.lasting(), {}, true);
  posted_by_it.nobody_asks();
  const auto last = posted_by_it.lasting();
  EXPECT_EQ(last.get(), top.shared().get());
  EXPECT_FALSE(last->stop_requested());
  top.request_stop();
  EXPECT_TRUE(last->stop_requested());
}

TEST(stop_link, a_users_token_is_not_left_out_where_nobody_asks) {
  std::stop_source user;
  stop_link top;
  stop_link posted;
  stop_link posted_by_it;
  posted.hang_inside(top, user.get_token(), true);
  posted.nobody_asks();
  posted_by_it.hang_below(posted.lasting(), {}, true);
  posted_by_it.nobody_asks();
  const auto last = posted_by_it.lasting();
  user.request_stop();
  EXPECT_TRUE(last->stop_requested());
  EXPECT_FALSE(top.stop_requested());
}

TEST(stop_link, a_link_that_may_be_asked_is_what_lasts) {
  stop_link top;
  stop_link job;
  job.hang_inside(top, {}, true);
  const auto lasting = job.lasting();
  job.request_stop();
  EXPECT_TRUE(lasting->stop_requested());
  EXPECT_FALSE(top.stop_requested());
}

TEST(stop_link, can_stand_for_a_link_that_others_have) {
  const auto shared = filch::detail::make_ref<stop_state>();
  stop_link link;
  link.stand_for(shared);
  EXPECT_EQ(link.shared().get(), shared.get());
  shared->request_stop();
  EXPECT_TRUE(link.stop_requested());
}

TEST(stop_link, is_shared_from_a_depth_that_no_recursion_would_reach) {
  std::vector<stop_link> links(200'000);
  for (std::size_t i = 1; i < links.size(); ++i) links[i].hang_inside(links[i - 1], {}, false);
  {
    const auto lowest = links.back().shared();
    links.front().request_stop();
    EXPECT_TRUE(lowest->stop_requested());
    EXPECT_TRUE(links.back().stop_requested());
  }
  while (!links.empty()) links.pop_back();  // as frames end
}

// A request and the making of the shared link at the same moment.
TEST(stop_link, a_request_is_never_lost_to_who_makes_the_shared_link) {
  constexpr std::size_t rounds = 2000;
  std::vector<stop_link> links(rounds);
  std::atomic<std::size_t> turn{0};
  std::thread asker([&] {
    for (std::size_t i = 0; i < rounds; ++i) {
      while (turn < i) std::this_thread::yield();
      links[i].request_stop();
    }
  });
  for (std::size_t i = 0; i < rounds; ++i) {
    turn = i;
    static_cast<void>(links[i].shared());
  }
  asker.join();
  for (auto& link : links) {
    ASSERT_TRUE(link.shared()->stop_requested());
    ASSERT_TRUE(link.token().stop_requested());
  }
}

}  // namespace
