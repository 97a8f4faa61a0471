#include "os_thread.hpp"

#include <filch/signals.hpp>

#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <new>

#include "made_once.hpp"

namespace filch {
inline namespace v0 {

namespace {

using detail::made_once;

std::atomic<bool> mask_is_known{false};

sigset_t current_mask() noexcept {
  sigset_t mask;
  ::sigemptyset(&mask);
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  return mask;
}

// The first caller decides; rivals may look, too, but take over what the first has found.
const sigset_t& first_mask() {
  static constinit made_once<sigset_t> mask;
  return mask.get([] { return std::make_unique<sigset_t>(current_mask()); });
}

void remember_mask() noexcept try {
  first_mask();
  mask_is_known.store(true, std::memory_order_release);  // order: the mask [pair:FIRST_MASK]
} catch (const std::bad_alloc&) {                        // a later start may find room for it
}

}  // namespace

void restore_signals() noexcept {
  // order: the mask that the first start saved [pair:FIRST_MASK]
  if (!mask_is_known.load(std::memory_order_acquire)) return;
  ::pthread_sigmask(SIG_SETMASK, &first_mask(), nullptr);
}

namespace detail {

namespace {

constexpr std::size_t name_limit = 15;

struct start_block {
  std::function<void()> body;
  std::array<char, name_limit + 1> name;
};

extern "C" {
static void* filch_run_thread(void* argument) {
  const std::unique_ptr<start_block> block(static_cast<start_block*>(argument));
  if (block->name[0] != '\0') ::pthread_setname_np(::pthread_self(), block->name.data());
  block->body();
  return nullptr;
}
}

sigset_t worker_mask() noexcept {
  sigset_t mask;
  ::sigfillset(&mask);
  for (const int allowed :
       {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF, interrupt_signal()}) {
    ::sigdelset(&mask, allowed);
  }
  return mask;
}

// A new thread inherits its creator's mask, so it is the creator that blocks: a thread that masks
// itself has a window in which a signal can already hit it.
class creation_mask {
 public:
  creation_mask() noexcept {
    const sigset_t mask = worker_mask();
    ::pthread_sigmask(SIG_SETMASK, &mask, &saved_);
  }
  ~creation_mask() { ::pthread_sigmask(SIG_SETMASK, &saved_, nullptr); }
  creation_mask(const creation_mask&) = delete;
  creation_mask& operator=(const creation_mask&) = delete;

 private:
  sigset_t saved_{};
};

std::size_t accepted_stack_size(std::size_t wanted) noexcept {
  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto smallest = static_cast<std::size_t>(PTHREAD_STACK_MIN);
  wanted = std::max(wanted, smallest);
  const std::size_t most = std::numeric_limits<std::size_t>::max() - page;
  return (std::min(wanted, most) + page - 1) / page * page;
}

int create(pthread_t& handle, std::size_t stack_size, start_block& block) noexcept {
  pthread_attr_t attributes;
  if (const int failed = ::pthread_attr_init(&attributes); failed != 0) return failed;
  int failed = 0;
  if (stack_size != 0) {
    failed = ::pthread_attr_setstacksize(&attributes, accepted_stack_size(stack_size));
  }
  if (failed == 0) {
    const creation_mask masked;
    failed = ::pthread_create(&handle, &attributes, filch_run_thread, &block);
  }
  ::pthread_attr_destroy(&attributes);
  return failed;
}

}  // namespace

int interrupt_signal() noexcept {
  // Libraries that take a realtime signal count from SIGRTMIN up; tools such as valgrind own the
  // top.
  return SIGRTMAX - 2;
}

os_thread os_thread::launch(std::function<void()>&& body, const thread_options& options) {
  remember_mask();
  auto block = std::make_unique<start_block>(start_block{std::move(body), {}});
  options.name.copy(block->name.data(), name_limit);
  os_thread thread;
  thread.error_ = create(thread.handle_, options.stack_size, *block);
  thread.joinable_ = thread.error_ == 0;
  if (thread.joinable_) block.release();  // the new thread owns it
  return thread;
}

os_thread& os_thread::operator=(os_thread&& other) noexcept {
  if (this == &other) return *this;
  if (joinable_) std::terminate();
  handle_ = other.handle_;
  error_ = std::exchange(other.error_, 0);
  joinable_ = std::exchange(other.joinable_, false);
  return *this;
}

os_thread::~os_thread() {
  if (joinable_) std::terminate();
}

void os_thread::join() noexcept {
  if (!joinable_ || ::pthread_join(handle_, nullptr) != 0) std::terminate();
  joinable_ = false;
}

void os_thread::detach() noexcept {
  if (!joinable_ || ::pthread_detach(handle_) != 0) std::terminate();
  joinable_ = false;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
