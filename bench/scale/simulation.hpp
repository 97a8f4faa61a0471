#pragma once

#include <cstdint>
#include <vector>

#include "scale/scheduler.hpp"

namespace filch::bench::scale {

/// What a call does next.
struct step {
  enum class kind { ends, calls, forks };
  kind what;
  double ns;  // the work before that, as the serial program does it
};

/// The scheduler with a workload on it. `Tree` makes the calls while they are walked, so that no
/// tree is stored: `Tree::call` is a call's arguments, `root()` the outermost, and
/// `go(call, stage, left, right)` says what a call does next: in `stage` 0 it begins, then each
/// fork or call it made counts one.
/// A frame stands for a call on its thread's stack; a fork's right half is in its caller's frame.
template <class Tree>
class simulation final : public scheduler {
 public:
  simulation(Tree& tree, const costs& c, const policy& p, const shape& on, std::uint32_t seed)
      : scheduler(c, p, on, seed), tree_(tree), frames_(most_slots) {}

  double serial_ns() const noexcept { return serial_ns_; }
  std::uint64_t forks() const noexcept { return forks_; }

 private:
  using call = typename Tree::call;
  struct frame {
    enum class at : std::uint8_t { next_stage, left_offered, left_inline };
    call what;
    call right;
    std::uint8_t stage = 0;
    at where = at::next_stage;
  };
  using stack = std::vector<frame>;

  pause_of_walk walk(slot& me) override {
    stack& frames = frames_[me.number];
    const double horizon = machine_.horizon();
    while (frames.size() > me.first_frame) {
      if (me.clock > horizon) return pause_of_walk::later;
      frame& top = frames.back();
      if (top.where == frame::at::left_inline) {
        begin_right(frames);
      } else if (top.where == frame::at::left_offered) {
        if (!pop(me)) return pause_of_walk::stolen_or_public;
        begin_right(frames);
      } else if (advance(me, frames, top)) {
        return pause_of_walk::asked;
      }
    }
    return pause_of_walk::ended;
  }

  /// One step of the newest call; true if a thief asks at the fork it made.
  bool advance(slot& me, stack& frames, frame& top) {
    call left, right;
    const step s = tree_.go(top.what, top.stage, left, right);
    me.clock += s.ns;
    serial_ns_ += s.ns;
    if (s.what == step::kind::ends) {
      frames.pop_back();
      return false;
    }
    ++top.stage;
    if (s.what == step::kind::calls) {
      frames.push_back({left, {}});
      return false;
    }
    ++forks_;
    me.clock += machine_.cost().fork;
    top.right = right;
    const bool offered = me.tail < slot::capacity;
    top.where = offered ? frame::at::left_offered : frame::at::left_inline;
    const auto mine = static_cast<unsigned>(frames.size() - 1);
    frames.push_back({left, {}});
    return offered && push(me, mine);
  }

  bool push(slot& me, unsigned mine) {
    half& h = me.halves[me.tail];
    h.frame = mine;
    h.below = me.here;
    ++me.tail;
    if (!me.tail_line.is_alone(me.number)) write_line(me, me.tail_line);
    if (!me.word_line.has_copy(me.number)) me.clock += me.word_line.read(machine_, me);
    return me.asked();
  }
  bool pop(slot& me) {
    --me.tail;
    if (!me.tail_line.is_alone(me.number)) write_line(me, me.tail_line);
    if (!me.word_line.has_copy(me.number)) me.clock += me.word_line.read(machine_, me);
    return me.word.split <= me.tail;
  }
  void write_line(slot& me, line& l) { me.clock += l.write(machine_, me); }

  void begin_right(stack& frames) {
    frame& top = frames.back();
    top.where = frame::at::next_stage;
    const call right = top.right;
    frames.push_back({right, {}});
  }

  void put_root(slot& me) override { frames_[me.number].push_back({tree_.root(), {}}); }
  void put_half(slot& me, const half& h) override {
    const call taken = frames_[h.owner->number][h.frame].right;
    frames_[me.number].push_back({taken, {}});
  }
  unsigned frames_of(const slot& me) const noexcept override {
    return static_cast<unsigned>(frames_[me.number].size());
  }
  void take_back(slot& me) override { begin_right(frames_[me.number]); }
  void joined(slot& me) override { frames_[me.number].back().where = frame::at::next_stage; }

  Tree& tree_;
  std::vector<stack> frames_;
  double serial_ns_ = 0;
  std::uint64_t forks_ = 0;
};

}  // namespace filch::bench::scale
