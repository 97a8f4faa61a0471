#include "base/trace_text.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// Io threads come after all others in the viewer.
unsigned number_of(trace_place place) noexcept {
  constexpr unsigned first_io = 100'000;
  return place.what == trace_place::kind::io ? first_io + place.number : place.number;
}

std::string microseconds(std::chrono::nanoseconds time) {
  char text[40];
  std::snprintf(text, sizeof text, "%.3f", static_cast<double>(time.count()) / 1000);
  return text;
}

}  // namespace

std::string name_of(trace_place place) {
  const char* const kinds[] = {"worker ", "stand-in ", "caller ", "io "};
  return kinds[static_cast<std::size_t>(place.what)] + std::to_string(place.number);
}

// Bytes beyond ASCII may be no UTF-8 at all; '<' and '>' are escaped for pages that embed the text.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7e || c == '"' || c == '\\' || c == '<' || c == '>') {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", byte);
      out += code;
    } else {
      out += c;
    }
  }
  return out += '"';
}

std::string trace_json(const std::vector<trace_event>& events, std::size_t left_out) {
  const auto pid = std::to_string(::getpid());
  std::string out =
      "{\"displayTimeUnit\":\"ns\",\"otherData\":{\"left_out\":" + std::to_string(left_out) +
      "},\"traceEvents\":[";
  std::vector<trace_place> places;
  auto origin = events.empty() ? std::chrono::steady_clock::time_point() : events.front().begin;
  for (const auto& e : events) {
    origin = std::min(origin, e.begin);
    if (std::find(places.begin(), places.end(), e.place) == places.end()) places.push_back(e.place);
  }
  const char* comma = "\n";
  for (const auto place : places) {
    out += comma;
    out += "{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":" + pid +
           ",\"tid\":" + std::to_string(number_of(place)) +
           ",\"args\":{\"name\":" + json_string(name_of(place)) + "}}";
    comma = ",\n";
  }
  for (const auto& e : events) {
    out += comma;
    out += "{\"name\":" + json_string(e.name) + ",\"cat\":\"" + e.category +
           "\",\"ph\":\"X\",\"ts\":" + microseconds(e.begin - origin) +
           ",\"dur\":" + microseconds(e.end - e.begin) + ",\"pid\":" + pid +
           ",\"tid\":" + std::to_string(number_of(e.place)) + "}";
    comma = ",\n";
  }
  return out += "\n]}\n";
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
