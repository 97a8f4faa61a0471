#pragma once

#include <optional>
#include <stop_token>
#include <string_view>

#include <filch/detail/bound.hpp>
#include <filch/options.hpp>

namespace filch {
inline namespace v0 {
/// What the running job may ask about itself. Outside of any job the answers are neutral: a token
/// that never stops, an empty name.
namespace this_job {

/// The stop token of the innermost job or call this thread is in. Cost: the first request of a
/// call allocates; `stop_requested()` below never does.
FILCH_API std::stop_token stop_token();
/// True when the innermost job, or anything it is a part of, was asked to stop.
FILCH_API bool stop_requested() noexcept;
/// Throws `cancelled` if `stop_requested()`; for long loops.
FILCH_API void check();
/// The `.name` the job's call was given.
FILCH_API std::string_view name() noexcept;
/// The lane the job runs in; `lane::cpu` outside of any.
FILCH_API filch::lane lane() noexcept;

}  // namespace this_job

/// What a job may ask about the thread it runs on.
namespace this_worker {

/// A small number that tells apart the threads running cpu jobs of one pool: 0 .. workers-1 for
/// its own workers, higher ones for stand-ins and for callers that run jobs in place. Empty on
/// threads that run no cpu job.
FILCH_API std::optional<unsigned> index() noexcept;

}  // namespace this_worker
}  // namespace v0
}  // namespace filch
