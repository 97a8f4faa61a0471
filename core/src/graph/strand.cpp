#include "graph/strand.hpp"

#include <utility>

#include "base/thrown.hpp"
#include "pool/pool_core.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

// ---- jobs -------------------------------------------------------------------------------------

void run_job::set(run_node* list, filch::lane where) noexcept {
  reopen();
  list_ = list;
  this->where() = run_->ctx();
  this->where().lane = where;
}

void run_job::run() noexcept {
  run_core& run = *run_;
  run.begins(*this);
  run.work(list_, where().lane == lane::io);
}

// ---- a strand's nodes -------------------------------------------------------------------------

strand::strand(run_core& run, bool on_io) noexcept
    : run_(run),
      prepared_(run.shape().nodes.data()),
      nodes_(run.nodes()),
      // A job of the io lane that no thread was left for is a worker's, but it offers nothing: it
      // returns what follows, and its frame ends before that is run.
      forks_(on_io ? nullptr : current.forks),
      place_(current.home),
      on_io_(on_io) {
  run_.enters(*this);
}

strand::~strand() { run_.leaves(*this); }

run_node* strand::work(run_node* list) noexcept {
  if (on_io_) {
    while (list) {
      run_node& node = *std::exchange(list, list->next);
      if (run_node* next = step(node)) push(*next);
    }
    return local_.first;
  }
  if (list) offer_all(chain::of(list));
  while (run_node* node = pop()) {
    do {
      node = step(*node);
    } while (node);
  }
  return nullptr;
}

strand::chain strand::chain::of(run_node* list) noexcept {
  chain all{list, list, 1};
  while (all.last->next) {
    all.last = all.last->next;
    ++all.size;
  }
  return all;
}
run_node& strand::chain::pop() noexcept {
  run_node& node = *first;
  first = node.next;
  if (!first) last = nullptr;
  --size;
  return node;
}
strand::chain strand::chain::split(std::size_t n) noexcept {
  chain part{first, first, n};
  for (std::size_t i = 1; i < n; ++i) part.last = part.last->next;
  first = std::exchange(part.last->next, nullptr);
  size -= n;
  return part;
}
// The newest first: what they need was used just now.
void strand::chain::put_before(const chain& newer) noexcept {
  newer.last->next = first;
  first = newer.first;
  if (!last) last = newer.last;
  size += newer.size;
}

void strand::offer_nodes(const chain& nodes) noexcept {
  offer& o = offers_[level_++];
  o.run = &run_stolen;
  o.parent = &run_.ctx();
  o.ends_early = true;
  o.nodes = nodes;
  forks_->push(&o);
}

void strand::push(run_node& node) noexcept {
  node.next = nullptr;
  const chain one{&node, &node, 1};
  if (has_room()) {
    offer_nodes(one);
    if (forks_->asked()) [[unlikely]]
      answer_thieves();
  } else {
    add_to_newest(one);
  }
}

run_node* strand::pop() noexcept {
  if (local_.first) return &local_.pop();
  while (level_ > 0) {
    offer* const o = take_newest();
    if (!o) continue;
    --level_;
    run_node& node = o->nodes.pop();
    if (!o->nodes.first) return &node;
    const chain rest = o->nodes;
    if (level_ == 0) {
      offer_all(rest);
    } else {
      offer_nodes(rest);
      if (forks_->asked()) answer_thieves();
    }
    return &node;
  }
  return nullptr;
}

// So that the first thieves, who take the oldest, get as much as the last.
void strand::offer_all(chain nodes) noexcept {
  const std::size_t part = nodes.size / most_offers + 1;
  while (nodes.size > part && has_room()) offer_nodes(nodes.split(part));
  if (has_room()) {
    offer_nodes(nodes);
  } else {
    add_to_newest(nodes);
  }
  if (forks_ && forks_->asked()) answer_thieves();
}

void strand::add_to_newest(const chain& nodes) noexcept {
  while (level_ > 0) {
    offer* const o = take_newest();
    if (!o) continue;
    o->nodes.put_before(nodes);
    forks_->push(o);
    if (forks_->asked()) answer_thieves();
    return;
  }
  if (has_room()) return offer_all(nodes);
  local_.put_before(nodes);
}

strand::offer* strand::take_newest() noexcept {
  offer& o = offers_[level_ - 1];
  if (forks_->pop() || take_back(o)) return &o;
  --level_;
  return nullptr;
}

// A thief leaves the frame within some instructions, unless it was interrupted or had to pass the
// offer on.
bool strand::take_back(offer& newest) noexcept {
  if (forks_->reclaim()) return true;
  constexpr int moment = 200;
  auto& over = forks_->done(forks_->newest());
  for (int i = 0; i < moment && !over.is_set(); ++i) spin_pause();
  // `reclaim` has put it back into its place, so it is popped once more.
  if (!over.is_set()) return forks_->pop() || reclaim_or_wait(*forks_, newest);
  forks_->forget();
  return false;
}

void strand::run_stolen(fork_job& half) noexcept {
  const auto& o = static_cast<offer&>(half);
  run_node* const list = o.nodes.first;
  run_core& run = *static_cast<run_context*>(o.parent)->run;
  run.one_more_piece();  // before the owner can end its own
  end_early(half);
  run.work(list, false);
}

// ---- running ----------------------------------------------------------------------------------

namespace {

/// True for the last of those that a node waits for.
bool last_arrival(run_node& at) noexcept {
  // With one left nobody else can come: no exchange is needed.
  // order: what the others did is visible to the last one [pair:ARRIVE]
  return at.left.load(std::memory_order_acquire) == 1 ||
         // order: as above, and hands on what this one did [pair:ARRIVE]
         at.left.fetch_sub(1, std::memory_order_acq_rel) == 1;
}

void add_one(std::atomic<std::size_t>& count) noexcept {
  // order: [relaxed: a statistic with one writer]
  count.store(count.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

}  // namespace

run_node* strand::step(run_node& node) noexcept {
  const auto id = static_cast<node_id>(&node - nodes_);
  const prepared_node& p = prepared_[id];
  // order: [relaxed: whoever ran before has handed the node over]
  const bool marked = node.marks.load(std::memory_order_relaxed) != 0;
  if (p.detail != 0 || p.tells || marked || run_.alarms() != 0) [[unlikely]] {
    const outcome what = run_special(node, p);
    if (what != outcome::later) finish(node, p, what);
    return nullptr;
  }
  // order: [relaxed: those it waits for in the next run come after this one]
  if (p.need > 1) node.left.store(p.need, std::memory_order_relaxed);
  try {
    p.call(p.closure, nodes_, node);
  } catch (...) {
    auto error = std::current_exception();
    finish(node, p, failed(node, nullptr, std::move(error)));
    return nullptr;
  }
  // order: the result is visible to who sees the node done [pair:FATE]
  node.fate.store(run_.fate(node_state::done), std::memory_order_release);
  add_one(done_);
  run_node* next = nullptr;
  const successor* s = run_.shape().successors.data() + p.first;
  const successor* const end = run_.shape().successors.data() + prepared_[id + 1].first;
  for (; s != end; ++s) {
    run_node& at = nodes_[s->to()];
    if (!s->only() && !last_arrival(at)) continue;
    // The first goes on here: it was added soon after this node and lies near it.
    if (next) {
      push(at);
    } else {
      next = &at;
    }
  }
  return next;
}

run_progress strand::progress() const noexcept {
  // order: [relaxed: statistics]
  return {done_.load(std::memory_order_relaxed), 0,
          // order: [relaxed: statistics]
          failed_.load(std::memory_order_relaxed), skipped_.load(std::memory_order_relaxed), 0};
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
