#include <filch/error.hpp>

#include <typeindex>
#include <typeinfo>
#include <unordered_map>
#include <utility>

namespace filch {
inline namespace v0 {

namespace {

/// The kind of what was thrown: its class, where it has a text.
std::type_index kind(const std::exception_ptr& error) noexcept {
  try {
    if (error) std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return typeid(e);
  } catch (...) {
  }
  return typeid(void);
}

/// The first failure of the kind that there are most of, and how many of it.
std::pair<const item_error*, std::size_t> most_frequent(const std::vector<item_error>& errors) {
  std::unordered_map<std::type_index, std::pair<const item_error*, std::size_t>> seen;
  std::pair<const item_error*, std::size_t> most{nullptr, 0};
  for (const auto& one : errors) {
    auto& [first, n] = seen.try_emplace(kind(one.error), &one, 0U).first->second;
    ++n;
    if (n > most.second) most = {first, n};
  }
  return most;
}

std::string at(const item_error& one) {
  return "at index " + std::to_string(one.index) + ": " + describe(one.error);
}

std::string summary(const char* head, const std::vector<item_error>& errors) {
  std::string text = head;
  text += std::to_string(errors.size());
  text += errors.size() == 1 ? " failure" : " failures";
  if (errors.empty()) return text;
  text += "; the first, " + at(errors.front());
  const auto [other, n] = most_frequent(errors);
  if (kind(other->error) == kind(errors.front().error)) return text;
  return text + "; " + std::to_string(n) + " are of another kind, such as " + at(*other);
}

}  // namespace

error::~error() = default;

cancelled::cancelled() : error("filch: the job was cancelled before it could finish") {}
cancelled::cancelled(const std::string& what) : error(what) {}
cancelled::~cancelled() = default;

timed_out::~timed_out() = default;
pool_closed::~pool_closed() = default;
forked_pool::~forked_pool() = default;
would_deadlock::~would_deadlock() = default;
nesting_limit::~nesting_limit() = default;
no_thread::~no_thread() = default;
result_moved::~result_moved() = default;
no_result::~no_result() = default;
rejected::~rejected() = default;
graph_busy::~graph_busy() = default;
cyclic_graph::~cyclic_graph() = default;
invalid_graph::~invalid_graph() = default;
foreign_node::~foreign_node() = default;
node_skipped::~node_skipped() = default;
not_traced::~not_traced() = default;
file_error::~file_error() = default;

errors_list::errors_list(std::vector<item_error> errors)
    : error(summary("filch: the call collected ", errors)), errors_(std::move(errors)) {}
errors_list::~errors_list() = default;

race_failed::race_failed(std::vector<item_error> errors)
    : error(summary("filch: no contender of the race succeeded: ", errors)),
      errors_(std::move(errors)) {}
race_failed::race_failed(std::size_t wanted, std::vector<item_error> errors)
    : error(summary(
          ("filch: " + std::to_string(wanted) +
           " successes are asked for, and too few contenders are left that could give one; ask for "
           "fewer, or let more compete: ")
              .c_str(),
          errors)),
      errors_(std::move(errors)) {}
race_failed::~race_failed() = default;

std::string describe(const std::exception_ptr& error) {
  if (!error) return "no exception";
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is not a std::exception";
  }
}

}  // namespace v0
}  // namespace filch
