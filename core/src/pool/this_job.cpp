#include <filch/this_job.hpp>

#include <filch/detail/throwing.hpp>

#include "sched/slot.hpp"

namespace filch {
inline namespace v0 {

namespace detail {

std::stop_token current_stop_token() { return this_job::stop_token(); }

}  // namespace detail

namespace this_job {

std::stop_token stop_token() {
  const auto* ctx = detail::current.ctx;
  return ctx ? ctx->stop->token() : std::stop_token();
}

bool stop_requested() noexcept {
  const auto* ctx = detail::current.ctx;
  return ctx && ctx->stop->stop_requested();
}

void check() {
  if (stop_requested()) detail::throw_cancelled();
}

std::string_view name() noexcept {
  const auto* ctx = detail::current.ctx;
  return ctx ? ctx->name : std::string_view();
}

filch::lane lane() noexcept {
  const auto* ctx = detail::current.ctx;
  return ctx ? ctx->lane : filch::lane::cpu;
}

}  // namespace this_job

namespace this_worker {

std::optional<unsigned> index() noexcept {
  const auto* home = detail::current.home;
  if (!home || home->role() == detail::slot::kind::io) return std::nullopt;
  return home->index;
}

}  // namespace this_worker
}  // namespace v0
}  // namespace filch
