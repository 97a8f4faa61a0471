#pragma once

#include <cstddef>
#include <exception>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <filch/detail/export.hpp>

/// \file
/// Every exception filch throws on its own account. They all derive from
/// `filch::error`, so one handler can catch "filch refused" apart from "my function failed".

namespace filch {
inline namespace v0 {

/// The base of filch's own exceptions; `what()` says what happened and what to do about it.
class FILCH_API error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
  ~error() override;
};

/// The job was cancelled: through its future, a stop token, or because a sibling failed.
class FILCH_API cancelled : public error {
 public:
  /// With the usual text.
  cancelled();
  /// With a text of its own.
  explicit cancelled(const std::string& what);
  ~cancelled() override;
};

/// A `.timeout`, `.timeout_each`, `.deadline` or `get_for` ran out.
class FILCH_API timed_out : public error {
 public:
  using error::error;
  ~timed_out() override;
};

/// A call from outside reached a pool after `close()`.
class FILCH_API pool_closed : public error {
 public:
  using error::error;
  ~pool_closed() override;
};

/// A process made by `fork()` used a pool of its parent: the worker threads do not exist there.
class FILCH_API forked_pool : public error {
 public:
  using error::error;
  ~forked_pool() override;
};

/// The wait could never end: every thread that might help is itself waiting.
class FILCH_API would_deadlock : public error {
 public:
  using error::error;
  ~would_deadlock() override;
};

/// Nested calls have used up the thread's stack; thrown while there is still room to unwind.
class FILCH_API nesting_limit : public error {
 public:
  using error::error;
  ~nesting_limit() override;
};

/// A thread was needed and the system had none to give.
class FILCH_API no_thread : public error {
 public:
  using error::error;
  ~no_thread() override;
};

/// The value was asked for a second time; `get()` hands it out once.
class FILCH_API result_moved : public error {
 public:
  using error::error;
  ~result_moved() override;
};

/// A future without a result behind it was used (default-constructed, moved from, or consumed by
/// `then`).
class FILCH_API no_result : public error {
 public:
  using error::error;
  ~no_result() override;
};

/// A task graph is changed, destroyed, or begun again while it runs and may not be.
class FILCH_API graph_busy : public error {
 public:
  using error::error;
  ~graph_busy() override;
};

/// A task graph could never run: some of its nodes wait for each other, and no branch is among
/// them. The text names them in order.
class FILCH_API cyclic_graph : public error {
 public:
  using error::error;
  ~cyclic_graph() override;
};

/// A task graph has a part that has no meaning; the text names it and says what to change.
class FILCH_API invalid_graph : public error {
 public:
  using error::error;
  ~invalid_graph() override;
};

/// A node of another graph, or of none, was used.
class FILCH_API foreign_node : public error {
 public:
  using error::error;
  ~foreign_node() override;
};

/// The result of a node was asked for that no branch has chosen.
class FILCH_API node_skipped : public error {
 public:
  using error::error;
  ~node_skipped() override;
};

/// Times were asked for that nobody has kept.
class FILCH_API not_traced : public error {
 public:
  using error::error;
  ~not_traced() override;
};

/// A file could not be written; the text says why.
class FILCH_API file_error : public error {
 public:
  using error::error;
  ~file_error() override;
};

/// A contender of a race returned a value that the race's `.accept` refused.
class FILCH_API rejected : public error {
 public:
  using error::error;
  ~rejected() override;
};

/// One failed item of a call: its position in the input and what it threw.
struct item_error {
  /// From 0.
  std::size_t index;
  /// Never null.
  std::exception_ptr error;
};

/// Thrown by a call under `errors::collect`: every failed item, in input order.
class FILCH_API errors_list : public error {
 public:
  /// Requires: `errors` ascends by index and is not empty.
  explicit errors_list(std::vector<item_error> errors);
  ~errors_list() override;
  /// The failures, ascending by index; never empty.
  std::span<const item_error> errors() const noexcept { return errors_; }

 private:
  std::vector<item_error> errors_;
};

/// Thrown by a race without a winner: what each contender threw, in argument order.
class FILCH_API race_failed : public error {
 public:
  /// For a race that needed one winner.
  explicit race_failed(std::vector<item_error> errors);
  /// For a race that needed `wanted` winners.
  race_failed(std::size_t wanted, std::vector<item_error> errors);
  ~race_failed() override;
  /// The failures, ascending by contender; a contender that was only cancelled is not listed.
  std::span<const item_error> errors() const noexcept { return errors_; }

 private:
  std::vector<item_error> errors_;
};

/// The text of a stored exception: `what()` where it has one, else "unknown exception".
FILCH_API std::string describe(const std::exception_ptr& error);

}  // namespace v0
}  // namespace filch
