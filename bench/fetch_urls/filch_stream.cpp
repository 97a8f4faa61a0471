#include <filch/http.hpp>
#include <filch/imap.hpp>
#include <filch/pool.hpp>

#include <fstream>
#include <ranges>
#include <string>
#include <utility>

#include "fetch_urls/contender.hpp"

/// \file
/// filch, a stream of calls that wait: the URLs are read as places become free.

namespace filch::bench::fetch {
namespace {

std::size_t fetch(const std::string& url) {
  const auto answer = http::get(url);
  return checked(url, answer.status, answer.body);
}

void fetch_all(const orders& o, tally& counted) {
  // Its own limit is workers + 256.
  const pool p(pool_options{.max_threads = o.width > 256 ? o.width + 8 : 0});
  std::ifstream file(o.file);
  stream_options<std::string> options{.in_flight = o.width, .lane = lane::io};
  if (o.per_host > 0) {
    options.key = host_of;
    options.per_key = o.per_host;
  }
  for (const auto& [index, number] :
       p.imap_unordered(fetch, std::views::istream<std::string>(file), std::move(options))) {
    counted.take(number);
  }
}

}  // namespace
}  // namespace filch::bench::fetch

int main(int argc, char** argv) {
  return filch::bench::fetch::compete(argc, argv, filch::bench::fetch::fetch_all);
}
