#pragma once

namespace filch {
inline namespace v0 {
namespace detail {

/// Something to do when a thread ends; lives in a `constinit thread_local`.
struct thread_end {
  void (*call)() noexcept;
  thread_end* next = nullptr;
  bool listed = false;
};

/// Has `note.call` called when the calling thread ends, after its thread_local objects were
/// destroyed. Once is enough; may be called again from there. False if the system has no memory.
///
/// Why not a thread_local with a destructor: the first use of one takes the loader's lock, which
/// dlclose has while it destroys a pool of the library that it unloads. The pool would wait for its
/// threads, and they for the lock. (glibc: __cxa_thread_atexit_impl.) Not called on the main thread
/// when the process ends.
bool at_thread_end(thread_end& note) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace filch
