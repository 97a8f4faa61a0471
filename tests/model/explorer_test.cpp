// What the explorer watches besides values: lifetimes, sleepers, threads that do not end.
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "explorer/atomics.hpp"
#include "explorer/expect.hpp"

namespace {

using model::atomic;
using model::atomics;
using model::checked;
using model::require;

constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;

constexpr model::plan small{.limits = {.preemptions = 3}, .random_schedules = 20'000};

template <bool ReadsAfterwards>
struct frame_that_ends {
  static constexpr int threads = 2;
  struct frame {
    atomic<int> done;
    checked<int> result;
  };
  std::optional<frame> job{std::in_place};
  void thread(int i) {
    if (i == 0) {
      while (job->done.load(acquire) == 0) model::the_machine.pause();
      require(job->result.read() == 7, "the result is not there");
      job.reset();
      return;
    }
    job->result.write(7);
    auto& done = job->done;
    done.store(1, release);
    if (ReadsAfterwards) (void)done.load(relaxed);
  }
};
TEST(explorer, reports_a_read_after_the_completion_signal) {
  model::expect_found<frame_that_ends<true>>("did not happen before", small);
}
TEST(explorer, accepts_a_frame_that_ends_after_the_completion_signal) {
  model::expect_clean<frame_that_ends<false>>(small);
}

struct early_free {
  static constexpr int threads = 2;
  std::unique_ptr<checked<int>> data = std::make_unique<checked<int>>(1);
  atomic<int> asked;
  void thread(int i) {
    if (i == 0) {
      asked.store(1, release);
      data->read();
    } else if (asked.load(acquire) == 1) {
      data.reset();
    }
  }
};
TEST(explorer, reports_memory_that_is_freed_while_somebody_may_read_it) {
  model::expect_found<early_free>("data race with a read", small);
}

// Here all is ordered: the last look simply comes too late.
struct late_look {
  static constexpr int threads = 2;
  std::optional<checked<int>> data{std::in_place};
  atomic<int> gone{0};
  void thread(int i) {
    auto& mine = *data;
    if (i == 0) {
      data.reset();
      gone.store(1, release);
    } else if (gone.load(acquire) == 1) {
      mine.read();
    }
  }
};
TEST(explorer, reports_a_use_after_the_end) {
  model::expect_found<late_look>("after the object was destroyed", small);
}

struct early_use {
  static constexpr int threads = 2;
  alignas(atomic<int>) unsigned char room[sizeof(atomic<int>)];
  atomic<atomic<int>*> shown{nullptr};
  void thread(int i) {
    if (i == 0) {
      shown.store(new (room) atomic<int>(1), relaxed);
    } else if (auto* object = shown.load(acquire)) {
      (void)object->load(acquire);
    }
  }
};
TEST(explorer, reports_an_object_used_before_its_construction_is_visible) {
  model::expect_found<early_use>("construction", small);
}

template <bool Announces>
struct sleeper {
  static constexpr int threads = 2;
  atomic<std::uint32_t> word{0};
  void thread(int i) {
    if (i == 0) {
      while (word.load(acquire) == 0) atomics::wait(word, 0);
    } else {
      word.store(1, release);
      if (Announces) atomics::wake(&word, 1);
    }
  }
};
TEST(explorer, reports_a_lost_wake_up) {
  model::expect_found<sleeper<false>>("lost wake-up", small);
}
TEST(explorer, accepts_a_sleeper_that_is_woken) {
  model::expect_clean<sleeper<true>>({.limits = {.preemptions = 3, .oddities = 1}});
}

// The waker looks for sleepers without a fence: its store may not have reached the word that the
// sleeper looks at, nor the announcement the waker.
template <bool Fence>
struct announced_sleeper {
  static constexpr int threads = 2;
  atomic<std::uint32_t> word{0};
  atomic<int> sleepers{0};
  void thread(int i) {
    if (i == 0) {
      sleepers.store(1, relaxed);
      if (Fence) atomics::fence(std::memory_order_seq_cst);
      atomics::wait(word, 0);
    } else {
      word.store(1, release);
      if (Fence) atomics::fence(std::memory_order_seq_cst);
      if (sleepers.load(relaxed) != 0) atomics::wake(&word, 1);
    }
  }
};
TEST(explorer, reports_a_wake_up_lost_to_store_buffers) {
  model::expect_found<announced_sleeper<false>>("lost wake-up", small);
}
TEST(explorer, accepts_announced_sleepers_with_fences) {
  model::expect_clean<announced_sleeper<true>>(small);
}

// Of two sleepers one is woken.
struct one_too_few {
  static constexpr int threads = 3;
  atomic<std::uint32_t> word{0};
  void thread(int i) {
    if (i < 2) {
      while (word.load(acquire) == 0) atomics::wait(word, 0);
    } else {
      word.store(1, release);
      atomics::wake(&word, 1);
    }
  }
};
TEST(explorer, reports_a_sleeper_that_was_forgotten) {
  model::expect_found<one_too_few>("lost wake-up", small);
}

struct endless {
  static constexpr int threads = 2;
  atomic<int> flag{0};
  void thread(int i) {
    while (flag.load(relaxed) != 2) model::the_machine.pause();
    if (i == 0) flag.store(1, relaxed);
  }
};
TEST(explorer, reports_threads_that_spin_for_ever) {
  model::expect_found<endless>("does not end", small);
}

struct unlucky {
  static constexpr int threads = 1;
  atomic<int> flag{0};
  void thread(int) {
    int zero = 0;
    require(flag.compare_exchange_weak(zero, 1, relaxed, relaxed), "a weak exchange failed");
  }
};
TEST(explorer, lets_weak_exchanges_fail_for_no_reason) {
  model::expect_found<unlucky>("weak exchange",
                               {.limits = {.oddities = 1}, .random_schedules = 1'000});
}

struct counted_schedules {
  static constexpr int threads = 2;
  atomic<int> x;
  void thread(int) {
    x.fetch_add(1, relaxed);
    x.fetch_add(1, relaxed);
  }
};
TEST(explorer, sees_each_interleaving_once) {
  // Two threads of two steps: 6 interleavings; without preemptions only the first thread differs.
  constexpr model::rules free{.preemptions = model::rules::any};
  constexpr model::rules whole{.preemptions = 0};
  const auto tested = model::program_of<counted_schedules>();
  const auto all = model::search_all(tested, free, 1'000);
  EXPECT_TRUE(all.complete);
  EXPECT_EQ(all.schedules, 6U);
  EXPECT_EQ(model::search_all(tested, whole, 1'000).schedules, 2U);
}

TEST(explorer, repeats_a_search_by_its_seed) {
  const auto tested = model::program_of<announced_sleeper<false>>();
  const auto first = model::search_random(tested, {}, 10'000, 42);
  const auto again = model::search_random(tested, {}, 10'000, 42);
  EXPECT_FALSE(first.problem.empty());
  EXPECT_EQ(first.schedules, again.schedules);
  EXPECT_EQ(first.choices, again.choices);
  EXPECT_EQ(first.seed, again.seed);
}

}  // namespace
