#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <filch/detail/export.hpp>
#include <filch/options.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// The line a progress bar shows after `elapsed`, at most `width` columns wide.
FILCH_API std::string progress_line(std::string_view label, const progress& now,
                                    std::chrono::nanoseconds elapsed, std::size_t width);

}  // namespace detail

/// Draws how far a call has come on the terminal, one line on stderr with the time still needed;
/// silent where stderr is a pipe or a file: `pool.with({.on_progress = progress_bar("fetching")})`.
///
/// Cost: at most 20 writes a second. Copies share the bar. Threads: one call at a time, as
/// `.on_progress` makes them; the line is ended when all is done or the last copy is gone.
class FILCH_API progress_bar {
 public:
  /// `label` stands in front of the bar. Throws: `bad_alloc`.
  explicit progress_bar(std::string_view label = {});
  /// Draws `now`; not at all where it drew less than 50 ms ago, unless all is done.
  void operator()(const progress& now) const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace v0
}  // namespace filch
