#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <vector>

#include "base/trace_text.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

/// What ran in a pool, for a trace file that is written when the pool ends.
/// Threads: any; one mutex, taken once a job.
class trace_log {
 public:
  explicit trace_log(std::string path) : path_(std::move(path)) {}

  void add(trace_event event) noexcept;
  void add(const std::vector<trace_event>& events) noexcept;
  /// Writes the file; says so on stderr if it cannot.
  void write() noexcept;

 private:
  /// Some hundred MiB of text; what comes later is counted.
  static constexpr std::size_t most = std::size_t{1} << 20;

  const std::string path_;
  std::mutex lock_;
  std::vector<trace_event> events_;
  std::size_t left_out_ = 0;
};

/// The file for the trace of a new pool: `wanted` or, if that is empty, what FILCH_TRACE says, with
/// a number for each pool after the first. Empty: none.
std::string trace_path(const std::string& wanted);

}  // namespace detail
}  // namespace v0
}  // namespace filch
