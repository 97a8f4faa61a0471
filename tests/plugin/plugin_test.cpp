// This program does not link filch: what it knows of it came with a plugin, and goes with it.
#include <gtest/gtest.h>

#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>

namespace {

using namespace std::chrono_literals;

class plugin {
 public:
  plugin() : handle_(::dlopen(FILCH_TEST_PLUGIN, RTLD_NOW | RTLD_LOCAL)) {
    if (!handle_) ADD_FAILURE() << ::dlerror();
  }
  ~plugin() {
    if (handle_) ::dlclose(handle_);
  }
  plugin(const plugin&) = delete;
  plugin& operator=(const plugin&) = delete;

  template <class R, class... A>
  R call(const char* name, A... arguments) const {
    auto* f = reinterpret_cast<R (*)(A...)>(::dlsym(handle_, name));
    if (!f) std::abort();
    return f(arguments...);
  }

 private:
  void* handle_;
};

/// The exit code of a child that runs `body` and returns from there as main would.
template <class Body>
int child(Body body) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(20);
    body();
    std::exit(7);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

class in_engine : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { ::setenv("FILCH_ENGINE", GetParam(), 1); }
};
INSTANTIATE_TEST_SUITE_P(plugins, in_engine, testing::Values("native", "tbb"),
                         [](const auto& run) { return std::string(run.param); });

TEST_P(in_engine, a_pool_of_a_plugin_ends_with_it_and_comes_again) {
  const int code = child([] {
    for (int round = 0; round < 5; ++round) {
      const plugin loaded;
      if (loaded.call<int>("plugin_sum", 100) != 328350) std::abort();
      loaded.call<void>("plugin_leave_jobs", 50);
    }
  });
  EXPECT_EQ(code, 7);
}

TEST_P(in_engine, threads_of_the_default_pool_outlive_the_plugin_that_made_them) {
  const int code = child([] {
    {
      const plugin loaded;
      if (loaded.call<int>("plugin_default_sum", 1000) != 499500) std::abort();
    }
    std::this_thread::sleep_for(50ms);  // they go to sleep, and wake, with their code still there
    const plugin again;
    if (again.call<int>("plugin_default_sum", 1000) != 499500) std::abort();
  });
  EXPECT_EQ(code, 7);
}

TEST_P(in_engine, losers_that_a_race_has_abandoned_may_outlive_their_pool) {
  const int code = child([] {
    const plugin loaded;
    if (loaded.call<int>("plugin_abandon") != 3) std::abort();
    loaded.call<void>("plugin_let_go");
    // The plugin must stay until its code has been left.
    while (loaded.call<int>("plugin_blocked") != 0) std::this_thread::sleep_for(1ms);
    std::this_thread::sleep_for(20ms);
  });
  EXPECT_EQ(code, 7);
}

TEST_P(in_engine, the_process_may_end_while_losers_are_still_blocked) {
  const int code = child([] {
    // Never closed: the losers are in its code.
    const auto& loaded = *new plugin;
    if (loaded.call<int>("plugin_abandon") != 3) std::abort();
  });
  EXPECT_EQ(code, 7);
}

}  // namespace
