#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <stdexcept>

#include <filch/exit.hpp>
#include <filch/pool.hpp>

#include "pool/pool_core.hpp"

namespace filch {
inline namespace v0 {

namespace {

/// What the jobs of the default pool get to end by themselves when the process ends.
constexpr auto grace = std::chrono::milliseconds(100);

struct default_choice {
  std::mutex lock;
  std::unique_ptr<engine> chosen;
  pool* made = nullptr;
};

// Both outlive every static object, so that jobs may run while those are destroyed.
default_choice& choice() {
  static auto* c = new default_choice;
  return *c;
}

// Runs before the static objects that were there when the pool was made are destroyed: its jobs may
// use them.
void end_with_process() {
  auto& core = choice().made->bound().core;
  try {
    core.shutdown_for(grace);
    core.cpu().freeze();
    core.write_trace();
  } catch (...) {  // a forked child, which has none of the pool's threads; or no memory
  }
}

}  // namespace

pool& default_pool() {
  auto& c = choice();
  std::lock_guard lock(c.lock);
  if (!c.made) {
    c.made = c.chosen ? new pool(std::move(c.chosen)) : new pool();
    std::atexit(end_with_process);
  }
  return *c.made;
}

void set_default_engine(std::unique_ptr<engine> engine) {
  auto& c = choice();
  std::lock_guard lock(c.lock);
  if (c.made) {
    throw std::logic_error(
        "filch: the default pool exists already; call set_default_engine() before its first use");
  }
  c.chosen = std::move(engine);
}

void exit_now(int status) noexcept {
  // A thread that is blocked in a stream has its lock for as long.
  for (std::FILE* stream : {stdout, stderr}) {
    if (::ftrylockfile(stream) != 0) continue;
    ::fflush_unlocked(stream);
    ::funlockfile(stream);
  }
  ::_exit(status);
}

namespace detail {

pool_core& current_pool() {
  if (current.ctx) return *current.ctx->pool;
  return default_pool().bound().core;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
