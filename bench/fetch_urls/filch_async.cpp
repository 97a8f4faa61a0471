#include <filch/http.hpp>
#include <filch/imap.hpp>
#include <filch/pool.hpp>

#include <fstream>
#include <ranges>
#include <string>
#include <utility>

#include "fetch_urls/contender.hpp"

/// \file
/// filch, a stream of answers that come later: no thread is held for a URL.

namespace filch::bench::fetch {
namespace {

void fetch_all(const orders& o, tally& counted) {
  const pool p;
  std::ifstream file(o.file);
  stream_options<std::string> options{.in_flight = o.width};
  if (o.per_host > 0) {
    options.key = host_of;
    options.per_key = o.per_host;
  }
  for (auto&& [index, answer] : p.imap_unordered(
           http::get_async, std::views::istream<std::string>(file), std::move(options))) {
    counted.take(checked(answer.url, answer.status, answer.body));
  }
}

}  // namespace
}  // namespace filch::bench::fetch

int main(int argc, char** argv) {
  return filch::bench::fetch::compete(argc, argv, filch::bench::fetch::fetch_all);
}
