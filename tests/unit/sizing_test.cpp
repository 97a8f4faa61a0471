#include "base/sizing.hpp"

#include <gtest/gtest.h>

#include <sched.h>

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "../support/fake_root.hpp"

namespace {

using filch::detail::affinity_cpus;
using filch::detail::cpu_quota;
using filch::detail::default_sizing;
using filch::detail::least_of;
using filch::detail::sizing;
using filch::detail::tightest_cpu_quota;

// A /proc and a /sys of the test's own.
class fake_root : public filch_test::fake_root {
 public:
  fake_root& file(const std::string& name, std::string_view text) {
    filch_test::fake_root::file(name, text);
    return *this;
  }
  fake_root& groups(std::string_view text) { return file("/proc/self/cgroup", text); }
  fake_root& mounts(std::string_view text) { return file("/proc/self/mountinfo", text); }
  fake_root& v1(const std::string& group, std::string_view quota, std::string_view period) {
    return file(group + "/cpu.cfs_quota_us", quota).file(group + "/cpu.cfs_period_us", period);
  }

  std::optional<cpu_quota> quota() const { return tightest_cpu_quota(path()); }
};

constexpr std::string_view v2_mount =
    "25 1 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr std::string_view v1_mount =
    "30 1 0:27 / /sys/fs/cgroup/cpuset rw shared:9 - cgroup cgroup rw,cpuset\n"
    "31 1 0:28 / /sys/fs/cgroup/cpu,cpuacct rw shared:10 master:3 - cgroup cgroup "
    "rw,cpu,cpuacct\n";

void expect_quota(const fake_root& root, double cpus, const std::string& where) {
  const auto quota = root.quota();
  ASSERT_TRUE(quota);
  EXPECT_DOUBLE_EQ(quota->cpus, cpus);
  EXPECT_EQ(quota->where, where);
}

TEST(cgroup_v2, the_own_group_sets_the_quota) {
  fake_root root;
  root.groups("0::/job\n").mounts(v2_mount).file("/sys/fs/cgroup/job/cpu.max", "150000 100000\n");
  expect_quota(root, 1.5, "/sys/fs/cgroup/job");
}

TEST(cgroup_v2, the_tightest_ancestor_decides) {
  fake_root root;
  root.groups("0::/a/b/c\n").mounts(v2_mount);
  root.file("/sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
  root.file("/sys/fs/cgroup/a/b/cpu.max", "400000 100000\n");
  root.file("/sys/fs/cgroup/a/cpu.max", "50000 100000\n");
  root.file("/sys/fs/cgroup/ab/cpu.max", "1 100000\n");
  expect_quota(root, 0.5, "/sys/fs/cgroup/a");
}

TEST(cgroup_v2, a_group_without_a_file_does_not_hide_its_parents) {
  fake_root root;
  root.groups("0::/a/gone (deleted)\n").mounts(v2_mount);
  root.file("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
  expect_quota(root, 2.0, "/sys/fs/cgroup/a");
}

TEST(cgroup_v2, a_namespace_shows_its_root_as_the_mount_point) {
  fake_root root;
  root.groups("0::/\n").mounts(v2_mount).file("/sys/fs/cgroup/cpu.max", "300000 200000\n");
  expect_quota(root, 1.5, "/sys/fs/cgroup");
}

TEST(cgroup_v2, a_missing_period_is_100_ms) {
  fake_root root;
  root.groups("0::/\n").mounts(v2_mount).file("/sys/fs/cgroup/cpu.max", "250000\n");
  expect_quota(root, 2.5, "/sys/fs/cgroup");
}

TEST(cgroup_v2, values_that_are_no_limit_limit_nothing) {
  for (const std::string text :
       {"max 100000\n", "max\n", "", "\n", "0 100000\n", "100000 0\n", "-1 100000\n",
        "100000 -100000\n", "abracadabra\n", "100000 abracadabra\n", "1.5 1\n", "1 2 3\n",
        "99999999999999999999999 100000\n", "0x10 100000\n", " 1 2\n"}) {
    fake_root root;
    root.groups("0::/\n").mounts(v2_mount).file("/sys/fs/cgroup/cpu.max", text);
    EXPECT_FALSE(root.quota()) << text;
  }
}

TEST(cgroup_v2, a_huge_file_is_not_read_to_its_end) {
  fake_root root;
  root.groups("0::/\n").mounts(v2_mount);
  root.file("/sys/fs/cgroup/cpu.max", std::string(10'000'000, '1'));
  EXPECT_FALSE(root.quota());
  root.file("/sys/fs/cgroup/cpu.max", "100000 100000" + std::string(10'000'000, ' ') + "0");
  expect_quota(root, 1.0, "/sys/fs/cgroup");
}

TEST(cgroup_v1, the_cpu_controller_is_found_and_never_cpuset) {
  for (const std::string controllers : {"cpu", "cpu,cpuacct", "cpuacct,cpu"}) {
    fake_root root;
    root.groups("9:cpuset:/wrong\n4:" + controllers + ":/right\n1:name=systemd:/init\n");
    root.mounts(v1_mount);
    root.v1("/sys/fs/cgroup/cpuset/wrong", "1\n", "100000\n");
    root.v1("/sys/fs/cgroup/cpu,cpuacct/wrong", "1\n", "100000\n");
    root.v1("/sys/fs/cgroup/cpu,cpuacct/right", "50000\n", "100000\n");
    expect_quota(root, 0.5, "/sys/fs/cgroup/cpu,cpuacct/right");
  }
}

TEST(cgroup_v1, nested_quotas_count_up_to_the_mount_point) {
  fake_root root;
  root.groups("4:cpu,cpuacct:/a/b\n").mounts(v1_mount);
  root.v1("/sys/fs/cgroup/cpu,cpuacct", "-1\n", "100000\n");
  root.v1("/sys/fs/cgroup/cpu,cpuacct/a", "100000\n", "50000\n");
  root.v1("/sys/fs/cgroup/cpu,cpuacct/a/b", "-1\n", "100000\n");
  expect_quota(root, 2.0, "/sys/fs/cgroup/cpu,cpuacct/a");
}

TEST(cgroup_v1, values_that_are_no_limit_limit_nothing) {
  const std::vector<std::pair<std::string, std::string>> values = {
      {"-1\n", "100000\n"},    {"0\n", "100000\n"},      {"50000\n", "0\n"},
      {"50000\n", "-5\n"},     {"50000\n", ""},          {"", "100000\n"},
      {"garbage\n", "100000"}, {"50000\n", "garbage\n"}, {"5 5\n", "100000\n"}};
  for (const auto& [quota, period] : values) {
    fake_root root;
    root.groups("4:cpu:/\n").mounts(v1_mount).v1("/sys/fs/cgroup/cpu,cpuacct", quota, period);
    EXPECT_FALSE(root.quota()) << quota << period;
  }
}

TEST(cgroup_v1, a_container_sees_its_group_bind_mounted) {
  fake_root root;
  root.groups("4:cpu,cpuacct:/docker/1234\n");
  root.mounts("31 1 0:28 /docker/1234 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
  root.v1("/sys/fs/cgroup/cpu", "150000\n", "100000\n");
  expect_quota(root, 1.5, "/sys/fs/cgroup/cpu");
}

TEST(cgroup_v1, a_group_below_a_bind_mounted_one_is_found_below_it) {
  fake_root root;
  root.groups("4:cpu,cpuacct:/docker/1234/inner\n");
  root.mounts("31 1 0:28 /docker/1234 /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu,cpuacct\n");
  root.v1("/sys/fs/cgroup/cpu/inner", "50000\n", "100000\n");
  expect_quota(root, 0.5, "/sys/fs/cgroup/cpu/inner");
}

TEST(cgroup_mounts, one_that_shows_strangers_is_ignored) {
  for (const std::string ours : {"/docker/12345", "/docker/123", "/other", "/"}) {
    fake_root root;
    root.groups("0::" + ours + "\n");
    root.mounts("25 1 0:22 /docker/1234 /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    root.file("/sys/fs/cgroup/cpu.max", "1 100000\n");
    root.file("/sys/fs/cgroup/5/cpu.max", "1 100000\n");
    EXPECT_FALSE(root.quota()) << ours;
  }
}

TEST(cgroup_mounts, one_from_outside_the_namespace_shows_an_ancestor) {
  fake_root root;
  root.groups("0::/job\n");
  root.mounts("25 1 0:22 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
  root.file("/sys/fs/cgroup/cpu.max", "700000 100000\n");
  root.file("/sys/fs/cgroup/job/cpu.max", "1 100000\n");
  expect_quota(root, 7.0, "/sys/fs/cgroup");
}

TEST(cgroup_mounts, a_path_that_climbs_out_is_not_followed) {
  fake_root root;
  root.groups("0::/../sibling\n").mounts(v2_mount);
  root.file("/sys/fs/cgroup/cpu.max", "1 100000\n");
  root.file("/sys/fs/sibling/cpu.max", "1 100000\n");
  EXPECT_FALSE(root.quota());
}

TEST(cgroup_mounts, blanks_in_paths_are_unescaped) {
  fake_root root;
  root.groups("0::/my job\n");
  root.mounts("25 1 0:22 / /sys/fs/c\\040group\\134 rw - cgroup2 none rw\n");
  root.file("/sys/fs/c group\\/my job/cpu.max", "100000 100000\n");
  expect_quota(root, 1.0, "/sys/fs/c group\\/my job");
}

TEST(cgroup_mounts, a_hybrid_system_obeys_both_versions) {
  for (const bool second_is_tighter : {false, true}) {
    fake_root root;
    root.groups("4:cpu,cpuacct:/one\n0::/two\n");
    root.mounts(std::string(v1_mount) +
                "26 1 0:23 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    root.v1("/sys/fs/cgroup/cpu,cpuacct/one", "200000", "100000");
    root.file("/sys/fs/cgroup/unified/two/cpu.max",
              second_is_tighter ? "100000 100000\n" : "max 100000\n");
    if (second_is_tighter) {
      expect_quota(root, 1.0, "/sys/fs/cgroup/unified/two");
    } else {
      expect_quota(root, 2.0, "/sys/fs/cgroup/cpu,cpuacct/one");
    }
  }
}

TEST(cgroup_mounts, missing_or_broken_lists_mean_no_limit) {
  EXPECT_FALSE(fake_root().quota());
  EXPECT_FALSE(tightest_cpu_quota("/nowhere/at/all"));
  const std::vector<std::string> groups = {
      "", "\n\n", "garbage", ":::", "0::", "0::relative\n", "4:cpu\n", "0", ":", "0::/\n"};
  const std::vector<std::string> mounts = {"",
                                           "\n",
                                           "1 2 3 4 5 6 7 8 9",
                                           "25 1 0:22 / /sys/fs/cgroup rw cgroup2 cgroup2 rw\n",
                                           " - cgroup2 cgroup2 rw\n",
                                           "25 1 0:22 / /sys/fs/cgroup rw -\n",
                                           "25 1 0:22 / /sys\\04 rw - cgroup2 cgroup2 rw\n",
                                           std::string(100'000, '\\'),
                                           std::string("\0\0\0 - cgroup2", 14)};
  for (const std::string& group : groups) {
    for (const std::string& mount : mounts) {
      fake_root root;
      root.groups(group).mounts(mount).file("/sys/fs/cgroup/cpu.max", "100000 100000\n");
      EXPECT_FALSE(root.quota()) << group << '|' << mount.substr(0, 80);
    }
  }
}

TEST(cgroup_mounts, a_directory_in_place_of_a_file_means_no_limit) {
  fake_root root;
  root.groups("0::/\n").mounts(v2_mount).file("/sys/fs/cgroup/cpu.max/inside", "");
  EXPECT_FALSE(root.quota());
}

TEST(cgroup_mounts, the_one_behind_a_thousand_others_is_found) {
  fake_root root;
  std::string list;
  for (int i = 0; i < 1000; ++i) {
    list += "99 1 0:99 / /var/lib/pods/" + std::to_string(i) + "/volumes rw - ext4 /dev/sda1 rw\n";
  }
  root.groups("0::/\n").mounts(list + std::string(v2_mount));
  root.file("/sys/fs/cgroup/cpu.max", "100000 100000\n");
  expect_quota(root, 1.0, "/sys/fs/cgroup");
}

TEST(sizing, the_least_of_the_three_decides_and_says_so) {
  const auto quota = [](double cpus) { return cpu_quota{cpus, "/x"}; };
  EXPECT_EQ(least_of(2, std::nullopt, std::nullopt).rule, "affinity: 2 CPUs");
  EXPECT_EQ(least_of(1, std::nullopt, std::nullopt).rule, "affinity: 1 CPU");
  EXPECT_EQ(least_of(4, quota(0.5), std::nullopt).rule, "cgroup quota 0.5 CPU at /x");
  EXPECT_EQ(least_of(4, quota(1.25), std::nullopt).rule, "cgroup quota 1.25 CPUs at /x");
  EXPECT_EQ(least_of(4, quota(2.0), 3).rule,
            "cgroup quota 2 CPUs at /x (FILCH_WORKERS=3 cannot raise that)");
  EXPECT_EQ(least_of(4, std::nullopt, 3).rule, "FILCH_WORKERS=3");
  EXPECT_EQ(least_of(2, std::nullopt, 3).rule,
            "affinity: 2 CPUs (FILCH_WORKERS=3 cannot raise that)");
  EXPECT_EQ(least_of(2, quota(2.0), 2).rule, "affinity: 2 CPUs");
}

TEST(sizing, quotas_round_up_and_nothing_falls_below_one) {
  const auto workers = [](unsigned affinity, double cpus) {
    return least_of(affinity, cpu_quota{cpus, "/x"}, std::nullopt).workers;
  };
  EXPECT_EQ(workers(8, 0.001), 1U);
  EXPECT_EQ(workers(8, 1.0), 1U);
  EXPECT_EQ(workers(8, 1.01), 2U);
  EXPECT_EQ(workers(8, 3.0), 3U);
  EXPECT_EQ(workers(8, 1e18), 8U);
  EXPECT_EQ(least_of(0, std::nullopt, 0).workers, 1U);
}

TEST(sizing, the_rule_follows_no_locale_and_hides_no_escape) {
  const std::string rule = least_of(4, cpu_quota{0.5, "/\x1b[31m"}, std::nullopt).rule;
  EXPECT_EQ(rule, "cgroup quota 0.5 CPU at /\\x1b[31m");
}

TEST(sizing, this_machine_has_a_size_and_a_rule) {
  const sizing found = default_sizing();
  EXPECT_GE(found.workers, 1U);
  EXPECT_LE(found.workers, affinity_cpus());
  EXPECT_FALSE(found.rule.empty());
}

TEST(sizing, follows_the_affinity_of_the_calling_thread) {
  cpu_set_t before;
  ASSERT_EQ(sched_getaffinity(0, sizeof before, &before), 0);
  std::size_t first = 0;
  while (!CPU_ISSET(first, &before)) ++first;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(first, &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  const sizing found = default_sizing("/nowhere");
  sched_setaffinity(0, sizeof before, &before);
  EXPECT_EQ(found.workers, 1U);
  EXPECT_EQ(affinity_cpus(), static_cast<unsigned>(CPU_COUNT(&before)));
}

TEST(sizing, takes_a_quota_and_the_environment_into_account) {
  fake_root root;
  root.groups("0::/\n").mounts(v2_mount).file("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(default_sizing(root.path()).workers, 1U);
  setenv("FILCH_WORKERS", "1", 1);
  EXPECT_EQ(default_sizing("/nowhere").workers, 1U);
  setenv("FILCH_WORKERS", "nonsense", 1);
  testing::internal::CaptureStderr();
  EXPECT_EQ(default_sizing("/nowhere").workers, affinity_cpus());
  EXPECT_NE(testing::internal::GetCapturedStderr().find("FILCH_WORKERS"), std::string::npos);
  unsetenv("FILCH_WORKERS");
}

}  // namespace
