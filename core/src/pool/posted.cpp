#include <filch/submit.hpp>

#include "base/thrown.hpp"
#include "pool/pool_core.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

void posted_job::run() noexcept {
  pool_core& core = *where().pool;
  if (!stop().stop_requested()) {
    auto error = thrown([this] { call(); });
    if (error && !is_stop(error)) core.report(std::move(error));
  }
  drop();
  stop().end();
  leave(core);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
