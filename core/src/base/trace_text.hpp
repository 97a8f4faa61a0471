#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace filch {
inline namespace v0 {
namespace detail {

/// Where something ran: a cpu slot or an io thread, by number.
struct trace_place {
  enum class kind : std::uint8_t { worker, stand_in, caller, io } what = kind::caller;
  unsigned number = 0;
  friend bool operator==(trace_place, trace_place) = default;
};
/// "worker 2", "io 0".
std::string name_of(trace_place place);

/// Something that ran, and when.
struct trace_event {
  std::string name;
  const char* category;
  trace_place place;
  std::chrono::steady_clock::time_point begin, end;
};

/// The JSON that Chrome's and Perfetto's trace viewers read, in microseconds from the first event.
std::string trace_json(const std::vector<trace_event>& events, std::size_t left_out);

/// A string as a JSON literal; all but printable ASCII is escaped.
std::string json_string(std::string_view text);

}  // namespace detail
}  // namespace v0
}  // namespace filch
