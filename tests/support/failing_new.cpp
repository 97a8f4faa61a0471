#include "support/failing_new.hpp"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

constexpr int never = std::numeric_limits<int>::max();
constinit thread_local int left = never;
constinit thread_local bool refused_one = false;

// Of all threads; below zero once the allocation that fails is behind.
constinit std::atomic<int> left_of_all{never};

bool refuse() noexcept {
  if (left_of_all.load(std::memory_order_relaxed) != never && left_of_all.fetch_sub(1) == 0) {
    return true;
  }
  if (left == never) return false;
  if (left > 0) {
    --left;
    return false;
  }
  refused_one = true;
  return true;
}

void* take(std::size_t size) {
  if (refuse()) throw std::bad_alloc();
  void* memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void* take_aligned(std::size_t size, std::align_val_t alignment) {
  if (refuse()) throw std::bad_alloc();
  const auto to = static_cast<std::size_t>(alignment);
  void* memory = std::aligned_alloc(to, (size + to - 1) / to * to);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

namespace filch_test {

fail_new_after::fail_new_after(int n) noexcept {
  refused_one = false;
  left = n;
}
fail_new_after::~fail_new_after() { left = never; }
bool fail_new_after::refused() noexcept { return refused_one; }

namespace {
std::atomic<bool> refused_the_one{false};
}
fail_one_new::fail_one_new(int n) noexcept { left_of_all = n; }
fail_one_new::~fail_one_new() {
  refused_the_one = left_of_all < 0;
  left_of_all = never;
}
bool fail_one_new::refused() noexcept { return refused_the_one; }

}  // namespace filch_test

void* operator new(std::size_t size) { return take(size); }
void* operator new[](std::size_t size) { return take(size); }
void* operator new(std::size_t size, std::align_val_t to) { return take_aligned(size, to); }
void* operator new[](std::size_t size, std::align_val_t to) { return take_aligned(size, to); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return refuse() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return refuse() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
