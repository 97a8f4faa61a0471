#include "workload.hpp"

namespace filch::bench::map_ints {
namespace {

class serial_runtime final : public runtime {
 public:
  std::string name() const override { return "serial"; }
  numbers map(const numbers& xs) override { return answer(xs); }
  void map_into(numbers& out, const numbers& xs) override {
    for (std::size_t i = 0; i < xs.size(); ++i) out[i] = next_int{}(xs[i]);
  }
};

}  // namespace

std::unique_ptr<runtime> serial() { return std::make_unique<serial_runtime>(); }

}  // namespace filch::bench::map_ints
