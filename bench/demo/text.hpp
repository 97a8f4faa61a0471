#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <string>
#include <string_view>

namespace demo {

/// Padded with spaces to `width`, the text on the left or on the right.
std::string left(std::string_view text, std::size_t width);
std::string right(std::string_view text, std::size_t width);

/// "12.34 s", and more digits for less than a tenth of a second.
std::string seconds_text(double seconds);
double seconds_since(std::chrono::steady_clock::time_point start);
/// "1 440 000"
std::string grouped(std::size_t n);

/// The engine's name as people write it.
std::string engine_title(std::string_view name);

/// Bytes that a terminal would act upon, as '?': for text that comes from outside.
std::string printable(std::string_view text);
/// The exception's name and what it says: "timed_out: ...".
std::string error_text(const std::exception_ptr& error);

}  // namespace demo
