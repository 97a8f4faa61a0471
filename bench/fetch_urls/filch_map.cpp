#include <filch/http.hpp>
#include <filch/map.hpp>
#include <filch/pool.hpp>

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fetch_urls/contender.hpp"

/// \file
/// filch as a beginner calls it: a map over all URLs on a pool as it comes. No number of threads,
/// no lane; that its jobs wait is for the pool to notice. The width is not looked at.

namespace filch::bench::fetch {
namespace {

void fetch_all(const orders& o, tally& counted) {
  std::ifstream file(o.file);
  const std::vector<std::string> urls(std::istream_iterator<std::string>(file), {});
  const pool p;
  p.map(
      [&counted](const std::string& url) {
        const auto answer = http::get(url);
        counted.take(checked(url, answer.status, answer.body));
      },
      urls);
}

}  // namespace
}  // namespace filch::bench::fetch

int main(int argc, char** argv) {
  return filch::bench::fetch::compete(argc, argv, filch::bench::fetch::fetch_all);
}
