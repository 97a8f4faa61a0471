#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>

#include "workload.hpp"

namespace filch::bench::map_ints {
namespace {

/// What one would write by hand: pointers taken out of the loop, oneTBB's own partitioner, an
/// arena of as many threads, the caller being one of them.
class raw_runtime final : public runtime {
 public:
  explicit raw_runtime(unsigned threads) : arena_(static_cast<int>(threads)) {
    arena_.initialize();
  }
  std::string name() const override { return "raw tbb"; }
  numbers map(const numbers& xs) override {
    numbers out(xs.size());
    loop(out.data(), xs);
    return out;
  }
  void map_into(numbers& out, const numbers& xs) override { loop(out.data(), xs); }

 private:
  void loop(int* to, const numbers& xs) {
    const int* from = xs.data();
    arena_.execute([&] {
      tbb::parallel_for(tbb::blocked_range<std::size_t>(0, xs.size()),
                        [from, to](const tbb::blocked_range<std::size_t>& part) {
                          for (std::size_t i = part.begin(); i != part.end(); ++i) {
                            to[i] = next_int{}(from[i]);
                          }
                        });
    });
  }
  tbb::task_arena arena_;
};

}  // namespace

std::unique_ptr<runtime> raw_tbb(unsigned threads) {
  return std::make_unique<raw_runtime>(threads);
}

}  // namespace filch::bench::map_ints
