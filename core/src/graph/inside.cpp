#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

#include "base/thrown.hpp"
#include "graph/graph_core.hpp"
#include "graph/run_core.hpp"
#include "graph/strand.hpp"
#include "pool/pool_core.hpp"

// Runs inside runs: subgraphs and composed graphs.

namespace filch {
inline namespace v0 {
namespace detail {

namespace {
/// The subgraph of the node that this thread calls, made when the callable asks for it.
struct call_frame {
  std::unique_ptr<subgraph> made;
  call_frame* outer = nullptr;
};
constinit thread_local call_frame* innermost __attribute__((tls_model("initial-exec"))) = nullptr;
}  // namespace

subgraph& subgraph_of(run_node&) {
  auto& frame = *innermost;
  if (!frame.made) frame.made = std::make_unique<subgraph>();
  return *frame.made;
}

// ---- the node's side --------------------------------------------------------------------------

strand::outcome strand::call_inside(run_node& node, const prepared_node& p, const node_details& d) {
  if (d.kind == node_kind::composed) {
    run_core& part = static_cast<composed*>(p.closure)->other->lend();
    run_.one_more_piece();
    begin_part(part, &node, node, nullptr);
    return outcome::later;
  }
  call_frame frame;
  frame.outer = std::exchange(innermost, &frame);
  auto error = thrown([&] { p.call(p.closure, nodes_, node); });
  innermost = frame.outer;
  if (error) std::rethrow_exception(std::move(error));
  if (!frame.made || frame.made->size() == 0 || frame.made->joined()) return outcome::done;
  run_core& part = frame.made->core().lend();
  run_.one_more_piece();
  const bool detached = frame.made->detached();
  begin_part(part, detached ? nullptr : &node, node, std::move(frame.made));
  return detached ? outcome::done : outcome::later;
}

void strand::begin_part(run_core& part, run_node* goes_on, run_node& from,
                        std::unique_ptr<subgraph> made) {
  const auto id = static_cast<node_id>(&from - nodes_);
  auto error = thrown([&] { part.begin_inside(run_, goes_on, id, std::move(made)); });
  if (!error) return;
  run_.one_piece_less();
  std::rethrow_exception(std::move(error));
}

void strand::resume(run_core::resumed& what) noexcept {
  if (!what.node) return;
  run_node& node = *what.node;
  const prepared_node& p = prepared_[&node - nodes_];
  const node_details& d = run_.shape().details[p.detail];
  outcome now = outcome::done;
  if (what.left_out) {
    run_.left_out();
    now = outcome::skipped;
  } else if (what.error) {
    now = failed(node, &d, std::move(what.error));
  }
  if (now == outcome::again) {
    try_at_once(node);
  } else if (now != outcome::later) {
    finish(node, p, now);
  }
}

// ---- the part's side --------------------------------------------------------------------------

void run_core::begin_inside(run_core& whole, run_node* node, node_id from,
                            std::unique_ptr<subgraph> made) {
  try {
    job_options options;
    options.errors = whole.options_.errors;
    reset(options, {});
    times_ = whole.times_ ? std::make_unique<run_times>() : nullptr;
  } catch (...) {
    graph_.ended();
    graph_.give_back(*this);
    throw;
  }
  stop_.emplace();
  stop_->hang_inside(*whole.stop_, {}, false);
  ctx_ = {};
  static_cast<context&>(ctx_) = whole.ctx_;
  ctx_.parent = &whole.ctx_;
  ctx_.what = this;
  ctx_.stop = &*stop_;
  ctx_.run = this;
  pool_stop_ = whole.pool_stop_;
  // order: [relaxed: nobody works on it yet]
  alarms_.store(ask_link | (whole.times_ ? keep_times : 0U), std::memory_order_relaxed);
  // order: [relaxed: as above]
  shares_.store(1, std::memory_order_relaxed);
  // order: [relaxed: as above]
  pieces_.store(1, std::memory_order_relaxed);
  core_ = whole.core_;
  whole_ = &whole;
  whole_node_ = node;
  whole_id_ = from;
  made_ = std::move(made);
  outermost_ = whole.outermost_;
  // order: [relaxed: as above]
  goes_on_.store(true, std::memory_order_relaxed);
  send(start_list(), lane::cpu);
}

run_core::resumed run_core::end_inside() noexcept {
  run_core& whole = *std::exchange(whole_, nullptr);
  resumed after{&whole, whole_node_, verdict(), false};
  if (after.error && is_stop(after.error) && whole.stop_requested()) {
    after.left_out = true;
    after.error = nullptr;
  }
  if (!after.error && !after.left_out && whole_node_ && !made_) {
    after.error = thrown([&] { hand_over(whole, *whole_node_); });
  }
  if (!whole_node_ && after.error) whole.failed(whole_id_, std::move(after.error));
  if (!whole_node_ && after.left_out) whole.left_out();
  if (times_) {
    const auto all = timing_inside();
    whole.times_->add_inside(whole_id_, all.work, all.span);
  }
  stop_->end();
  const auto made = std::move(made_);
  // order: [relaxed: the graph's lock follows]
  goes_on_.store(false, std::memory_order_relaxed);
  graph_.ended();
  give_up_share();
  return after;
}

// What a trace needs of this run is handed on to the one that is seen.
run_timing run_core::timing_inside() noexcept {
  run_timing all;
  thrown([&] {
    all = times_->timing(shape());
    outermost_->times_->add_events(times_->events(graph_));
  });
  return all;
}

// The composed node's result is one of this run's, which nobody else will ask for.
void run_core::hand_over(run_core& whole, run_node& node) {
  const prepared_node& p = whole.shape().nodes[static_cast<std::size_t>(&node - whole.nodes())];
  const auto& c = *static_cast<composed*>(p.closure);
  if (c.gives) result(c.out);  // throws if it has none
  p.call(p.closure, nodes(), node);
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
