#include <filch/serial.hpp>

namespace filch {
inline namespace v0 {

namespace {

/// Lends no thread at all. A width of 0 tells core that waiters run the jobs, in order.
class serial final : public engine {
 public:
  std::string_view name() const noexcept override { return "serial"; }
  unsigned width() const noexcept override { return 0; }
  unsigned start(workplace& /*place*/) override { return 0; }
  void wake(std::size_t /*n*/) noexcept override {}
  void stop() noexcept override {}
};

}  // namespace

std::unique_ptr<engine> serial_engine() { return std::make_unique<serial>(); }

}  // namespace v0
}  // namespace filch
