#include <algorithm>
#include <utility>

#include "harness/table.hpp"
#include "workload.hpp"

namespace filch::bench::map_ints {
namespace {

struct settings {
  std::size_t n = 10'000'000;
  std::vector<unsigned> threads = {2, 1};
  turns how;
};

/// What is timed: with the results' memory taken and given back in each run, or taken before.
enum class results_go { into_new_vector, into_old_vector };

void check(const numbers& got, const numbers& expected, const std::string& who) {
  if (got != expected) throw wrong_answer(who + " computed another answer than the plain loop");
}

contender fresh(runtime& r, const numbers& xs, const numbers& expected) {
  return {r.name(), [&r, &xs, &expected] {
            numbers out;
            const auto took = timed([&] { out = r.map(xs); });
            check(out, expected, r.name());
            return took;
          }};
}

contender reused(runtime& r, const numbers& xs, const numbers& expected, numbers& out) {
  return {r.name(), [&r, &xs, &expected, &out] {
            std::fill(out.begin(), out.end(), 0);
            const auto took = timed([&] { r.map_into(out, xs); });
            check(out, expected, r.name());
            return took;
          }};
}

std::vector<contender> contenders(const std::vector<std::unique_ptr<runtime>>& runtimes,
                                  results_go where, const numbers& xs, const numbers& expected,
                                  numbers& out) {
  std::vector<contender> all;
  for (const auto& r : runtimes) {
    all.push_back(where == results_go::into_new_vector ? fresh(*r, xs, expected)
                                                       : reused(*r, xs, expected, out));
  }
  return all;
}

std::string with_interval(const interval& i, double scale, int digits) {
  return fixed(i.median * scale, digits) + " [" + fixed(i.low * scale, digits) + ", " +
         fixed(i.high * scale, digits) + "]";
}

void tell(report& out, const std::vector<series>& all, unsigned threads, results_go where) {
  const bool fresh_vector = where == results_go::into_new_vector;
  table shown({std::to_string(threads) + (threads == 1 ? " thread" : " threads") +
                   (fresh_vector ? ", new vector" : ", existing vector"),
               "ms, median [95 %]", "of raw tbb [95 %]"});
  auto& data = out.data()["cases"].emplace_back();
  data = {{"threads", threads}, {"results", fresh_vector ? "new vector" : "existing vector"}};
  const auto& base = named(all, "raw tbb");
  for (const auto& s : all) {
    const auto r = compare(s, base);
    shown.row({s.name, with_interval(median_interval(s.times), 1e3, 2),
               with_interval(r.of_median, 1, 3)});
    auto one = to_json(s);
    one["of_raw_tbb"] = to_json(r.of_median);
    data["runtimes"].push_back(std::move(one));
  }
  out.print("\n" + shown.text());
}

void measure_threads(report& out, const settings& s, unsigned threads, const numbers& xs,
                     const numbers& expected) {
  std::vector<std::unique_ptr<runtime>> runtimes;
  runtimes.push_back(raw_tbb(threads));
  runtimes.push_back(filch_native(threads));
  runtimes.push_back(filch_tbb(threads));
  runtimes.push_back(serial());
  numbers kept(xs.size());
  for (const auto where : {results_go::into_new_vector, results_go::into_old_vector}) {
    const auto all =
        run_in_turns(contenders(runtimes, where, xs, expected, kept), s.how, out.progress());
    tell(out, all, threads, where);
    if (where == results_go::into_new_vector && threads == 2) {
      const auto& base = named(all, "raw tbb");
      out.target("filch native / raw tbb, 2 threads, upper end of the interval",
                 compare(named(all, "filch native"), base).of_median.high, 1.15);
      out.target("filch on tbb / raw tbb, 2 threads, upper end of the interval",
                 compare(named(all, "filch on tbb"), base).of_median.high, 1.10);
    }
  }
}

}  // namespace
}  // namespace filch::bench::map_ints

int main(int argc, char** argv) {
  using namespace filch::bench;
  map_ints::settings s;
  program bench("map_ints",
                "What does a map of an empty function over 10 million ints cost, against a "
                "hand-written tbb::parallel_for?");
  bench.options().add_option("--items", s.n, "how many ints")->capture_default_str();
  bench.options()
      .add_option("--threads", s.threads, "thread counts to measure, each in a table")
      ->capture_default_str();
  bench.options()
      .add_option("--turns", s.how.measured, "measured turns; in each every runtime runs once")
      ->capture_default_str();
  return bench.run(argc, argv, [&s](report& out) {
    out.data()["items"] = s.n;
    const auto xs = map_ints::input(s.n);
    const auto expected = map_ints::answer(xs);
    for (const auto threads : s.threads) {
      map_ints::measure_threads(out, s, threads, xs, expected);
    }
  });
}
