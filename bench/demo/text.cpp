#include "text.hpp"

#include <algorithm>
#include <cstdio>

#include <filch/error.hpp>
#include <filch/http.hpp>

namespace demo {

std::string left(std::string_view text, std::size_t width) {
  return std::string(text) + std::string(width - std::min(width, text.size()), ' ');
}

std::string right(std::string_view text, std::size_t width) {
  return std::string(width - std::min(width, text.size()), ' ') + std::string(text);
}

std::string seconds_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, seconds < 0.1 ? "%.4f s" : "%.2f s", seconds);
  return text;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string grouped(std::size_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ' ');
  return digits;
}

std::string engine_title(std::string_view name) {
  return std::string(name == "tbb" ? "oneTBB" : name);
}

std::string printable(std::string_view text) {
  std::string out(text);
  std::replace_if(
      out.begin(), out.end(), [](unsigned char c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); },
      '?');
  return out;
}

std::string error_text(const std::exception_ptr& error) {
  std::string name = "error";
  try {
    std::rethrow_exception(error);
  } catch (const filch::http::bad_status&) {
    name = "bad_status";
  } catch (const filch::http::request_failed&) {
    name = "request_failed";
  } catch (const filch::timed_out&) {
    name = "timed_out";
  } catch (const filch::cancelled&) {
    name = "cancelled";
  } catch (const filch::race_failed&) {
    name = "race_failed";
  } catch (const filch::no_thread&) {
    name = "no_thread";
  } catch (...) {
  }
  return name + ": " + printable(filch::describe(error));
}

}  // namespace demo
