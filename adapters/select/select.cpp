#include <filch/select.hpp>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include <filch/serial.hpp>
#ifdef FILCH_HAS_TBB
#include <filch/tbb.hpp>
#endif

namespace filch {
inline namespace v0 {

namespace {

#ifdef FILCH_HAS_TBB
constexpr std::string_view names = "native, tbb, serial";
constexpr std::string_view missing = "";
#else
constexpr std::string_view names = "native, serial";
constexpr std::string_view missing = " (this build has no tbb: configure with FILCH_BUILD_TBB=ON)";
#endif

/// The engine of that name; null if there is none.
std::unique_ptr<engine> find_engine(std::string_view name, unsigned workers) {
  if (name == "native") return native_engine(workers);
  if (name == "serial") return serial_engine();
#ifdef FILCH_HAS_TBB
  if (name == "tbb") return tbb_engine(workers);
#endif
  return nullptr;
}

/// `text` as it may be shown in a message: cut, and nothing but printable ASCII.
std::string shown(std::string_view text) {
  constexpr std::size_t longest = 64;
  std::string out(text.substr(0, longest));
  for (char& c : out) {
    if (c < ' ' || c > '~' || c == '"') c = '?';
  }
  if (text.size() > longest) out += "...";
  return out;
}

std::string refusal(std::string_view name) {
  return "\"" + shown(name) + "\" names no engine; choose one of " + std::string(names) +
         std::string(missing);
}

/// The engine that FILCH_ENGINE names. A program must not fail to start because of a variable.
std::unique_ptr<engine> engine_of_environment(unsigned workers) {
  // The secure form answers nothing where the program has more rights than its caller.
  const char* name = ::secure_getenv("FILCH_ENGINE");
  if (name == nullptr || *name == '\0') return native_engine(workers);
  if (auto found = find_engine(name, workers)) return found;
  const auto line = "filch: ignoring FILCH_ENGINE: " + refusal(name) + "; using native\n";
  std::fputs(line.c_str(), stderr);
  return native_engine(workers);
}

}  // namespace

std::unique_ptr<engine> make_engine(std::string_view name, unsigned workers) {
  if (name.empty()) return engine_of_environment(workers);
  if (auto found = find_engine(name, workers)) return found;
  throw std::invalid_argument("filch::make_engine: " + refusal(name));
}

}  // namespace v0
}  // namespace filch
