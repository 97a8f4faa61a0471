#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <filch/graph.hpp>
#include <filch/graph_run.hpp>
#include <filch/pool.hpp>
#include <filch/submit.hpp>

#include <gtest/gtest.h>

#include "engines.hpp"

// Traces of whole pools.

namespace {

FILCH_CONFORMANCE(pool_trace);

std::string new_path() {
  static int n = 0;
  return (std::filesystem::temp_directory_path() /
          ("filch_pool_" + std::to_string(::getpid()) + "_" + std::to_string(++n) + ".json"))
      .string();
}
std::string take_text_of(const std::string& path) {
  std::ifstream in(path);
  std::ostringstream out;
  out << in.rdbuf();
  std::filesystem::remove(path);
  return out.str();
}
bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_P(pool_trace, has_jobs_and_nodes_with_their_names) {
  const auto path = new_path();
  {
    auto pool = make_pool({.trace = path});
    pool.with({.name = "resize"}).submit([] {}).get();
    pool.with({.lane = filch::lane::io, .name = "fetch"}).submit([] {}).get();
    filch::graph g;
    g.add([] {}).name("merge");
    pool.run(g).get();
    EXPECT_FALSE(std::filesystem::exists(path)) << "it is written when the pool ends";
  }
  const auto text = take_text_of(path);
  EXPECT_TRUE(contains(text, "{\"name\":\"resize\",\"cat\":\"job\"")) << text;
  EXPECT_TRUE(contains(text, "{\"name\":\"fetch\",\"cat\":\"job\"")) << text;
  EXPECT_TRUE(contains(text, "{\"name\":\"merge\",\"cat\":\"node\"")) << text;
}

TEST_P(pool_trace, goes_where_the_environment_says) {
  const auto path = new_path();
  ::setenv("FILCH_TRACE", path.c_str(), 1);
  {
    auto pool = make_pool();
    auto second = make_pool();
    pool.submit([] {}).get();
  }
  ::unsetenv("FILCH_TRACE");
  std::string text;
  for (const auto& file :
       std::filesystem::directory_iterator(std::filesystem::path(path).parent_path())) {
    if (file.path().string().starts_with(path)) text += take_text_of(file.path().string());
  }
  EXPECT_TRUE(contains(text, "\"cat\":\"job\"")) << text;
}

TEST_P(pool_trace, leaves_files_alone_that_exist) {
  const auto path = new_path();
  std::ofstream(path) << "mine";
  testing::internal::CaptureStderr();
  {
    auto pool = make_pool({.trace = path});
  }
  EXPECT_TRUE(contains(testing::internal::GetCapturedStderr(), "exists already"));
  EXPECT_EQ(take_text_of(path), "mine");
}

}  // namespace
