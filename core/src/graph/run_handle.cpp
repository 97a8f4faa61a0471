#include <algorithm>
#include <thread>

#include <filch/detail/atomics.hpp>
#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

#include "base/thrown.hpp"
#include "graph/graph_core.hpp"
#include "graph/run_core.hpp"
#include "graph/strand.hpp"
#include "pool/pool_core.hpp"

// What the holder of a run's handle asks and gets.

namespace filch {
inline namespace v0 {
namespace detail {

/// A node between two tries: whoever comes first, the time or a stop, queues it.
struct run_core::pause : std::enable_shared_from_this<run_core::pause> {
  pause(run_core& of, run_node& what) noexcept : run(of), node(what) {}

  void over() noexcept {
    // order: [relaxed: decides who queues the node; the queue publishes]
    if (taken.exchange(true, std::memory_order_relaxed)) return;
    node.next = nullptr;
    if (!run.send(&node, lane::cpu)) run.work(&node, false);
  }

  run_core& run;
  run_node& node;
  std::atomic<bool> taken{false};
  std::optional<std::stop_callback<std::function<void()>>> on_stop;
};

void run_core::try_later(run_node& node, std::chrono::nanoseconds how_long) {
  auto waits = std::make_shared<pause>(*this, node);
  // Not a callback of the pause's own: a stop may come while the pause ends.
  const auto token = stop_->token();
  const auto id = call_at(*ctx_.pool, deadline_after(how_long), [waits] { waits->over(); });
  pool_core& pool = *ctx_.pool;
  const auto keep = waits;
  try {
    waits->on_stop.emplace(token, [&pool, id, held = std::weak_ptr<pause>(waits)] {
      if (const auto w = held.lock()) {
        cancel_timer(pool, id);
        w->over();
      }
    });
  } catch (...) {
    // order: [relaxed: as in over()]
    if (waits->taken.exchange(true, std::memory_order_relaxed)) return;  // its time has come
    cancel_timer(pool, id);
    throw;
  }
}

// ---- the verdict ------------------------------------------------------------------------------

node_state run_core::last_state(const run_node& node) const noexcept {
  // order: the result is visible to who sees the node done [pair:FATE]
  const auto seen = node.fate.load(std::memory_order_acquire);
  if (seen >> 3 != (serial() & 0x1fffffffU)) return node_state::waiting;
  return static_cast<node_state>(seen & 7U);
}

std::exception_ptr run_core::verdict() noexcept {
  observed_ = true;
  // order: as the timer left it [pair:RUN-TIME]
  if (expiry_ && expiry_->over.load(std::memory_order_acquire) &&
      // order: [relaxed: the run has ended]
      left_out_.load(std::memory_order_relaxed)) {
    return thrown([] { throw_timed_out("time limit of the run"); });
  }
  if (no_room_) return no_room_;
  if (!errors_.empty()) {
    const auto by_node = [](const node_error& a, const node_error& b) { return a.node < b.node; };
    if (options_.errors == errors::first) return errors_.front().error;
    if (options_.errors == errors::serial) {
      return std::min_element(errors_.begin(), errors_.end(), by_node)->error;
    }
    return thrown([&] {
      std::sort(errors_.begin(), errors_.end(), by_node);
      std::vector<item_error> all;
      for (const auto& e : errors_) all.push_back({e.node, e.error});
      throw errors_list(std::move(all));
    });
  }
  // order: [relaxed: the run has ended]
  if (left_out_.load(std::memory_order_relaxed)) return thrown(throw_cancelled);
  return {};
}

run_node& run_core::result(node_id node) {
  run_node& at = nodes_[node];
  switch (last_state(at)) {
    case node_state::done:
      // order: [relaxed: the run has ended]
      if (at.moved.load(std::memory_order_relaxed)) {
        throw result_moved("filch: the result of " + graph_.title(node) +
                           " was moved to the only node that uses it, or taken; let the node "
                           "keep() it, or its user take it as a const reference");
      }
      return at;
    case node_state::failed:
      observed_ = true;
      for (const auto& e : errors_) {
        if (e.node == node) std::rethrow_exception(e.error);
      }
      break;
    case node_state::passed:
      throw node_skipped("filch: " + graph_.title(node) +
                         " has no result: no branch has chosen it, or a node that it needs");
    default:
      break;
  }
  if (auto error = verdict()) std::rethrow_exception(error);
  throw node_skipped("filch: " + graph_.title(node) + " has not run");
}

// ---- asking -----------------------------------------------------------------------------------

run_progress run_core::progress() noexcept {
  std::lock_guard lock(work_lock_);
  auto sum = past_;
  for (const strand* s = strands_; s; s = s->after) {
    if (!s->is_of(*this)) continue;
    const auto did = s->progress();
    sum.done += did.done;
    sum.failed += did.failed;
    sum.skipped += did.skipped;
  }
  sum.total = shape_->size();
  // order: [relaxed: a statistic]
  sum.running = done_.is_set() ? 0 : pieces_.load(std::memory_order_relaxed);
  return sum;
}

node_state run_core::state(node_id node) const noexcept { return last_state(nodes_[node]); }

void run_core::cancel() noexcept {
  // order: [relaxed: the link publishes]
  alarms_.fetch_or(stopped, std::memory_order_relaxed);
  stop_->request_stop();
}

void run_core::wait() { detail::wait(*this); }
bool run_core::wait_until(std::chrono::steady_clock::time_point deadline) {
  return detail::wait_until(*this, deadline);
}

ref<job> run_core::unclaimed() noexcept {
  std::lock_guard lock(work_lock_);
  for (run_job* work = waiting_; work; work = work->next_) {
    if (!work->is_claimed()) return ref<job>::share(work);
  }
  return {};
}

slot* run_core::runner(std::size_t i) noexcept {
  std::lock_guard lock(work_lock_);
  for (strand* s = strands_; s; s = s->after) {
    if (s->place() && i-- == 0) return s->place();
  }
  return nullptr;
}

void run_core::on_end(std::function<void()> f) {
  {
    std::lock_guard lock(lock_);
    if (!ended_) {
      callbacks_.push_back(std::move(f));
      return;
    }
  }
  done_.wait();
  if (auto error = thrown(f)) ctx_.pool->report(std::move(error));
}

void run_core::handle_gone() noexcept {
  // The thread that ends the run is between two instructions: waiting for it here lets the next
  // run have this state. Where it calls others back it may itself be the caller.
  if (done_.is_set() && quiet_end_) {
    // order: [relaxed: decided below]
    for (int i = 0; shares_.load(std::memory_order_relaxed) > 1; ++i) {
      if (i < 64) {
        spin_pause();
      } else {
        std::this_thread::yield();
      }
    }
  }
  give_up_share();
}

// ---- for the templates ------------------------------------------------------------------------

run_core* begin_run(pool_core& pool, graph_core& graph, const job_options& options,
                    rounds how_often) {
  run_core& run = graph.lend();
  try {
    run.begin(pool, options, std::move(how_often));
  } catch (...) {
    graph.ended();
    graph.give_back(run);
    throw;
  }
  return &run;
}
void drop_run(run_core* run) noexcept { run->handle_gone(); }
void wait_run(run_core& run) { run.wait(); }
bool wait_run_until(run_core& run, std::chrono::steady_clock::time_point deadline) {
  return run.wait_until(deadline);
}
bool run_ended(const run_core& run) noexcept { return run.has_ended(); }
void cancel_run(run_core& run) noexcept { run.cancel(); }
run_progress progress_of(run_core& run) noexcept { return run.progress(); }
node_state state_of(run_core& run, const graph_core* graph, node_id node) {
  require_same_graph(&run.graph(), graph);
  return run.state(node);
}
std::exception_ptr verdict_of(run_core& run) { return run.verdict(); }
run_node& result_node(run_core& run, const graph_core* graph, node_id node) {
  require_same_graph(&run.graph(), graph);
  return run.result(node);
}
void call_when_ended(run_core& run, std::function<void()> f) { run.on_end(std::move(f)); }

void throw_no_run() {
  throw no_result("filch: this handle of a run is empty: it was default-constructed or moved from");
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
