#pragma once

#include <cstddef>

namespace filch {
inline namespace v0 {
namespace detail {

/// Memory for jobs, which one thread makes and another one ends. Each thread keeps some free blocks
/// of each size; threads that only make and threads that only end hand them on by the batch.
/// Bounded: what is over is given back to the system's allocator, which large blocks come from,
/// too. Cost: a few instructions, a mutex once in a batch. Threads: any, also in their destructors.
/// Source: the magazines of Bonwick and Adams 2001.
/// Throws: `bad_alloc`.
void* allocate_job(std::size_t bytes);
/// `bytes` as it was allocated with.
void free_job(void* block, std::size_t bytes) noexcept;

}  // namespace detail
}  // namespace v0
}  // namespace filch
