#include <filch/engine.hpp>

#include "base/sizing.hpp"

namespace filch {
inline namespace v0 {

engine::~engine() = default;

namespace {

/// Core's own threads: they park on the scheduler's event count, so there is nothing to wake here.
class native final : public engine {
 public:
  explicit native(unsigned workers) noexcept : workers_(workers) {}
  std::string_view name() const noexcept override { return "native"; }
  unsigned width() const noexcept override { return workers_; }
  unsigned start(workplace& place) override {
    unsigned started = 0;
    while (started < workers_ && place.add_worker()) ++started;
    return started;
  }
  void wake(std::size_t) noexcept override {}
  void stop() noexcept override {}

 private:
  const unsigned workers_;
};

}  // namespace

std::unique_ptr<engine> native_engine(unsigned workers) {
  return std::make_unique<native>(workers ? workers : detail::default_sizing().workers);
}

}  // namespace v0
}  // namespace filch
