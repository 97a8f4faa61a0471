#include "sched/sampler.hpp"

#include <utility>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// So many threads are asked for in one look at most, a few microseconds each; the others come at
/// the next ones.
constexpr unsigned most_looks = 64;
/// Threads that are known to be blocked are looked at this much less often.
constexpr unsigned rarely = 4;
/// A thread that used less than this part of the time since the last look stood still: one that
/// works and waits by turns keeps its place.
constexpr int still_part = 10;

bool stood_still(std::chrono::nanoseconds used, std::chrono::nanoseconds passed) noexcept {
  return used * still_part <= passed;
}

}  // namespace

void sampler::restart(unsigned slots) {
  seen_.clear();
  begin(slots);
}

void sampler::begin(unsigned slots) {
  if (seen_.size() < slots) seen_.resize(slots);
  found_.running = 0;
  found_.suspects = 0;
  found_.still_in_locks = 0;
  // Room beforehand, so that a look does not fail half way.
  for (auto* list : {&found_.blocked, &found_.in_locks, &found_.going_on}) {
    list->clear();
    list->reserve(slots);
  }
  budget_ = most_looks;
}

bool sampler::is_still_there(const slot& s) const noexcept {
  const auto& seen = seen_[s.index];
  return s.thread() == seen.thread && s.is_in_job() && s.progress() == seen.progress;
}

void sampler::look_at(unsigned i, slot& s, std::chrono::nanoseconds now) {
  auto& seen = seen_[i];
  const pid_t thread = s.thread();
  if (thread == 0 || !s.is_in_job() || s.mark.waits()) {
    seen.thread = 0;
    return;
  }
  const auto progress = s.progress();
  if (seen.thread != thread || seen.progress != progress) {
    seen = {};
    seen.thread = thread;
    seen.progress = progress;
  }
  if (s.mark.is_noticed()) return look_again_at(i, s, seen, now);
  // Those left out at one look are the first at the next.
  if (budget_ == 0 || i < next_) return;
  if (--budget_ == 0) next_ = i + 1;

  const auto is = states_.look(i, thread);
  const bool still = stood_still(is.cpu - seen.cpu, now - seen.at);
  const bool young = !std::exchange(seen.asked, true);
  seen.cpu = is.cpu;
  seen.at = now;
  seen.in_lock = is.what == thread_look::doing::waits_for_lock;
  if (is.what == thread_look::doing::runs) {
    ++found_.running;
  } else if (young) {
    ++found_.suspects;
  } else if (!still) {
    ++found_.running;  // it works and waits by turns
  } else {
    (seen.in_lock ? found_.in_locks : found_.blocked).push_back(&s);
  }
}

void sampler::look_again_at(unsigned i, slot& s, memory& seen, std::chrono::nanoseconds now) {
  if ((round_ + i) % rarely != 0) {
    found_.still_in_locks += seen.in_lock ? 1 : 0;
    return;
  }
  const auto is = states_.look(i, seen.thread);
  const bool still = stood_still(is.cpu - seen.cpu, now - seen.at);
  seen.cpu = is.cpu;
  seen.at = now;
  if (is.what == thread_look::doing::runs || !still) {
    ++found_.running;
    found_.going_on.push_back(&s);
  } else {
    found_.still_in_locks += seen.in_lock ? 1 : 0;
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
