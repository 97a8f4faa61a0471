#include <algorithm>
#include <chrono>

#include "base/thrown.hpp"
#include "graph/graph_core.hpp"
#include "graph/strand.hpp"
#include "pool/pool_core.hpp"
#include "sched/slot.hpp"

// What is not an ordinary node's way: choices, loops, failures, retries, stops, the io lane.

namespace filch {
inline namespace v0 {
namespace detail {

namespace {

/// Judged already: it waited for a thread of the io lane, or for its next try.
constexpr std::uint8_t ready = 16;

constexpr auto longest_pause = std::chrono::hours(1);

std::chrono::nanoseconds pause_before(unsigned again, std::chrono::nanoseconds backoff) noexcept {
  for (; again > 1 && backoff < longest_pause; --again) backoff *= 2;
  return std::min<std::chrono::nanoseconds>(backoff, longest_pause);
}

/// Notes when a node ran.
class stopwatch {
 public:
  stopwatch(run_times* times, node_id node, const slot* home) noexcept : times_(times) {
    if (times_) call_ = {node, place_of(home), std::chrono::steady_clock::now(), {}};
  }
  stopwatch(const stopwatch&) = delete;
  stopwatch& operator=(const stopwatch&) = delete;
  ~stopwatch() {
    if (!times_) return;
    call_.end = std::chrono::steady_clock::now();
    times_->add(call_);
  }

 private:
  run_times* times_;
  node_time call_{};
};

}  // namespace

strand::outcome strand::run_special(run_node& node, const prepared_node& p) noexcept {
  const node_details& d = run_.shape().details[p.detail];
  // order: [relaxed: those it waits for next come after it]
  if (p.need > 1) node.left.store(p.need, std::memory_order_relaxed);
  const outcome may = before_call(node, d);
  if (may != outcome::again) return may;
  if (d.lane == lane::io && !on_io_) {
    // order: [relaxed: handed over by the queue]
    node.marks.store(ready, std::memory_order_relaxed);
    node.next = nullptr;
    run_.one_more_piece();
    if (run_.send(&node, lane::io)) return outcome::later;
    run_.one_piece_less();
    return failed(node, nullptr, std::make_exception_ptr(std::bad_alloc()));
  }
  outcome what = outcome::again;
  while (what == outcome::again) what = call(node, p, d);
  return what;
}

// `again`: it may run.
strand::outcome strand::before_call(run_node& node, const node_details& d) noexcept {
  // order: [relaxed: all arrivals happened before]
  std::uint32_t marks = node.marks.load(std::memory_order_relaxed);
  // order: [relaxed: as above]
  node.marks.store(0, std::memory_order_relaxed);
  if ((marks & ready) == 0) {
    for (const auto& e : d.out_of_loops) marks |= run_.state_marks(e.from, e.data);
    if ((marks & mark::poisoned) != 0) return outcome::skipped;
    if ((marks & mark::missing) != 0) return outcome::passed;
    const std::uint32_t wanted = d.has_choice ? mark::chosen : mark::alive;
    const bool may_pass = d.conditional && (d.has_choice || d.has_before);
    if (may_pass && (marks & wanted) == 0) return outcome::passed;
  }
  const auto alarms = run_.alarms();
  if ((alarms & run_core::stopped) != 0 ||
      ((alarms & run_core::ask_link) != 0 && run_.stop_requested())) {
    run_.left_out();
    return outcome::skipped;
  }
  return outcome::again;
}

strand::outcome strand::call(run_node& node, const prepared_node& p,
                             const node_details& d) noexcept {
  std::exception_ptr error;
  {
    context here = *current.ctx;
    here.parent = current.ctx;
    here.lane = d.lane;
    if (!d.name.empty()) here.name = d.name;
    const within inside(here);
    const stopwatch watch(run_.times(), static_cast<node_id>(&node - nodes_), place_);
    if (d.kind == node_kind::subgraph || d.kind == node_kind::composed) {
      outcome what = outcome::done;
      error = thrown([&] { what = call_inside(node, p, d); });
      if (what == outcome::later) return what;
    } else {
      error = thrown([&] { p.call(p.closure, nodes_, node); });
    }
  }
  if (error) return failed(node, &d, std::move(error));
  return outcome::done;
}

strand::outcome strand::failed(run_node& node, const node_details* d,
                               std::exception_ptr error) noexcept {
  if (is_stop(error) && run_.stop_requested()) {
    run_.left_out();
    return outcome::skipped;
  }
  if (d && node.tries < d->retries && !run_.stop_requested()) {
    ++node.tries;
    const auto pause = pause_before(node.tries, d->backoff);
    if (pause.count() == 0) return outcome::again;
    // order: [relaxed: handed over by the timer's queue]
    node.marks.store(ready, std::memory_order_relaxed);
    run_.one_more_piece();
    auto no_timer = thrown([&] { run_.try_later(node, pause); });
    if (!no_timer) return outcome::later;
    run_.one_piece_less();
    // order: [relaxed: nobody else has it]
    node.marks.store(0, std::memory_order_relaxed);
    error = std::move(no_timer);
  }
  run_.failed(static_cast<node_id>(&node - nodes_), std::move(error));
  return outcome::failed;
}

void strand::try_at_once(run_node& node) noexcept {
  // order: [relaxed: handed over by the deque]
  node.marks.store(ready, std::memory_order_relaxed);
  push(node);
}

// ---- afterwards -------------------------------------------------------------------------------

namespace {
node_state state_after(bool done, bool failed, bool passed) noexcept {
  if (done) return node_state::done;
  if (failed) return node_state::failed;
  return passed ? node_state::passed : node_state::skipped;
}
}  // namespace

void strand::finish(run_node& node, const prepared_node& p, outcome what) noexcept {
  const auto now =
      state_after(what == outcome::done, what == outcome::failed, what == outcome::passed);
  if (what != outcome::done && node.has_value) {  // of an earlier round of a loop
    node.has_value = false;
    run_.graph().at(static_cast<node_id>(&node - nodes_)).type->end_value(node);
  }
  node.tries = 0;
  count(node, now, run_.shape().details[p.detail].in_loop);
  // order: the result is visible to who sees the node done [pair:FATE]
  node.fate.store(run_.fate(now), std::memory_order_release);
  if ((run_.alarms() & run_core::tell_progress) != 0) run_.tell();
  tell_successors(node, p, what);
}

// In a loop a node counts once: what it was before is taken back.
void strand::count(run_node& node, node_state now, bool in_loop) noexcept {
  const auto add = [this](node_state s, std::size_t n) noexcept {
    auto& sum = s == node_state::done ? done_ : s == node_state::failed ? failed_ : skipped_;
    // order: [relaxed: a statistic with one writer]
    sum.store(sum.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  };
  if (in_loop) {
    const auto earlier = run_.last_state(node);
    if (earlier != node_state::waiting) add(earlier, static_cast<std::size_t>(-1));
  }
  add(now, 1);
}

void strand::arrive(run_node& at, std::uint8_t marks) noexcept {
  const auto& p = prepared_[&at - nodes_];
  if (marks != 0) {
    // order: [relaxed: handed on by the arrival]
    at.marks.fetch_or(marks, std::memory_order_relaxed);
  }
  // order: what all have done and said is visible to the last one [pair:ARRIVE]
  if (p.need <= 1 || at.left.fetch_sub(1, std::memory_order_acq_rel) == 1) push(at);
}

void strand::tell_successors(run_node& node, const prepared_node& p, outcome what) noexcept {
  const auto& shape = run_.shape();
  const node_details& d = shape.details[p.detail];
  const bool bad = what == outcome::failed || what == outcome::skipped;
  if (d.kind == node_kind::branch && what == outcome::done) {
    if (const prepared_way* back = way_back(node, d)) {
      run_.begin_loop_anew(shape.loops[static_cast<std::size_t>(back->loop)]);
      push(nodes_[back->to]);
      return;
    }
  }
  const successor* s = shape.successors.data() + p.first;
  const successor* const end = shape.successors.data() + (&p + 1)->first;
  for (; s != end; ++s) {
    std::uint8_t says = 0;
    if (bad) {
      says = mark::poisoned;
    } else if (what == outcome::passed) {
      says = s->data() ? mark::missing : 0;
    } else if (p.tells && shape.details[prepared_[s->to()].detail].conditional) {
      says = mark::alive;
    }
    arrive(nodes_[s->to()], says);
  }
  for (const auto& way : d.ways) {
    if (way.loop >= 0) continue;
    std::uint8_t says = bad ? mark::poisoned : 0;
    if (what == outcome::done && *value_place<std::size_t>(node) == way.index) says = mark::chosen;
    arrive(nodes_[way.to], says);
  }
}

const prepared_way* strand::way_back(run_node& node, const node_details& d) noexcept {
  for (const auto& way : d.ways) {
    if (way.loop >= 0 && *value_place<std::size_t>(node) == way.index) return &way;
  }
  return nullptr;
}

void run_core::begin_loop_anew(const prepared_loop& loop) noexcept {
  run_node* const nodes = nodes_.get();
  for (const auto& m : loop.members) {
    // order: [relaxed: handed on to who runs the loop's head, and by the arrivals]
    nodes[m.node].left.store(m.left, std::memory_order_relaxed);
    // order: [relaxed: as above]
    nodes[m.node].marks.store(0, std::memory_order_relaxed);
  }
  const auto says = [nodes](node_id to, std::uint32_t marks) noexcept {
    // order: [relaxed: as above]
    nodes[to].marks.fetch_or(static_cast<std::uint8_t>(marks), std::memory_order_relaxed);
  };
  for (const auto& e : loop.edges) says(e.to, state_marks(e.from, e.data));
  for (const auto& w : loop.ways) {
    const bool chosen = last_state(nodes[w.branch]) == node_state::done &&
                        *value_place<std::size_t>(nodes[w.branch]) == w.index;
    if (chosen) says(w.to, mark::chosen);
  }
  says(loop.head, mark::chosen | mark::alive);
}

// What a node outside of a loop would say to one inside, if it ended now.
std::uint32_t run_core::state_marks(node_id from, bool data) const noexcept {
  switch (last_state(nodes_[from])) {
    case node_state::done:
      return mark::alive;
    case node_state::passed:
      return data ? mark::missing : 0;
    default:
      return mark::poisoned;
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
