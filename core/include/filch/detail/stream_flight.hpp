#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include <filch/detail/export.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

struct stream_line;

/// An item's place in a stream's flight, guarded by the stream's lock.
struct stream_place {
  stream_line* line = nullptr;  // where items of its key stand
  stream_place* next = nullptr;
  std::uint64_t launched_at = 0;  // the flight's count of cuts when it was let go
  bool launched = false;          // it may run
};

/// Items one after the other.
struct FILCH_API stream_chain {
  stream_place* first = nullptr;
  stream_place* last = nullptr;
  bool empty() const noexcept { return !first; }
  void push(stream_place& item) noexcept;
  void push_front(stream_place& item) noexcept;
  stream_place* pop() noexcept;
};

/// The items of one key: how many run, and who waits.
struct stream_line {
  stream_chain waiting;
  std::size_t running = 0;
  bool ready = false;  // stands in the ring
  stream_line* next = nullptr;
  const std::string* key = nullptr;  // null for the line of all items without a key
};

/// Which items of a stream may run: at most so many at once, of one key at most `per_key`.
///
/// Items of a key start in the order they came. A key that has somebody waiting, and may run one
/// more, stands in a ring, and whoever ends lets the ring's next start: a key at its limit holds up
/// no other, and each gets its turn. Where a call fails for want of something that all in the air
/// share (descriptors), the limit is halved, once for all that were in the air then, and grows by
/// one each time as many calls have gone well as it allows: what TCP does with its window
/// (Jacobson, "Congestion avoidance and control", 1988). Rule: after each call but `put_back`,
/// `ended` and `hold`, nobody waits who might run; after those, `next` is called until it gives
/// nobody. Threads: one at a time.
class FILCH_API stream_flight {
 public:
  /// `most`: at least 1; `per_key`: 0 without keys.
  stream_flight(std::size_t most, std::size_t per_key) noexcept
      : most_(most), limit_(most), per_key_(per_key == 0 ? most : per_key) {}

  /// Gives an item its line; `admit` comes next, or the line may be gone. Throws: `bad_alloc`.
  void line_up(stream_place& item) noexcept { item.line = &all_; }
  void line_up(stream_place& item, std::string key);
  /// Counts the item in if it may run at once, else lets it wait.
  bool admit(stream_place& item) noexcept;
  /// Somebody who has waited and may run now, counted in; or null.
  stream_place* next() noexcept;
  /// Whether `next` would give somebody.
  bool has_next() const noexcept { return ready_ != nullptr && running_ < limit_; }
  /// Counts a launched item out. `well`: it is a sign that one more could run.
  void ended(stream_place& item, bool well) noexcept;
  /// Whether nobody else was in the air since the item was let go, so that it has lacked nothing
  /// for others' sake.
  bool is_alone(const stream_place& item) const noexcept { return alone_ == &item; }
  /// The launched item lacked what others in the air hold: lowers the limit and lets it wait again,
  /// first of its key. Requires: it is not alone.
  void put_back(stream_place& item) noexcept;
  /// Forgets who waits.
  void forget_waiting() noexcept;

  std::size_t limit() const noexcept { return limit_; }
  std::size_t running() const noexcept { return running_; }
  /// How many keys are known: those of items that wait or run.
  std::size_t keys() const noexcept { return lines_.size(); }

 private:
  void let_go(stream_place& item) noexcept;
  void count_out(stream_place& item) noexcept;
  void make_ready(stream_line& line) noexcept;

  const std::size_t most_;
  std::size_t limit_;
  const std::size_t per_key_;
  std::size_t running_ = 0;
  std::size_t well_ = 0;                 // ended well since the limit last changed
  std::uint64_t cuts_ = 0;               // how often the limit was halved
  const stream_place* alone_ = nullptr;  // in the air, and nobody else was since it was let go
  stream_line all_;
  std::unordered_map<std::string, stream_line> lines_;
  stream_line* ready_ = nullptr;
  stream_line* last_ready_ = nullptr;
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
