#include "graph/run_core.hpp"

#include <algorithm>
#include <memory>
#include <thread>
#include <type_traits>

#include <filch/detail/throwing.hpp>
#include <filch/error.hpp>

#include "base/thrown.hpp"
#include "graph/graph_core.hpp"
#include "graph/strand.hpp"
#include "pool/pool_core.hpp"

namespace filch {
inline namespace v0 {
namespace detail {

namespace {
/// Jobs made beforehand: the thread that ran the last one may not have let go of it when the next
/// run begins.
constexpr std::size_t first_starters = 8;
}  // namespace

run_core::run_core(graph_core& graph, std::shared_ptr<const topology> shape)
    : graph_(graph),
      shape_(std::move(shape)),
      nodes_(static_cast<run_node*>(::operator new(shape_->size() * sizeof(run_node)))) {
  static_assert(std::is_trivially_destructible_v<run_node>);
  for (std::size_t i = 0; i < shape_->size(); ++i) {
    // order: [relaxed: nobody shares it yet]
    std::construct_at(&nodes_[i])->left.store(shape_->nodes[i].need, std::memory_order_relaxed);
  }
  for (std::size_t i = 0; i < first_starters; ++i) starters_.push_back(make_ref<run_job>(*this));
  if (shape_->large_size == 0) return;
  large_ = static_cast<std::byte*>(
      ::operator new(shape_->large_size, std::align_val_t{shape_->large_align}));
  for (const auto& v : shape_->large) {
    ::new (static_cast<void*>(nodes_[v.node].room)) void*(large_ + v.offset);
  }
}

run_core::~run_core() {
  clear_values();
  if (large_) ::operator delete(large_, std::align_val_t{shape_->large_align});
}

// ---- the beginning ----------------------------------------------------------------------------

void run_core::reset(const job_options& options, rounds how_often) {
  options_ = options;
  rounds_ = std::move(how_often);
  done_.close_again();
  errors_.clear();
  no_room_ = nullptr;
  callbacks_.clear();
  ended_ = observed_ = false;
  quiet_end_ = true;
  // order: [relaxed: nobody works on it yet]
  left_out_.store(false, std::memory_order_relaxed);
  outermost_ = this;
  begin_round();
}

void run_core::begin_round() noexcept {
  std::lock_guard lock(work_lock_);
  past_ = {};
  // order: [relaxed: as in serial()]
  serial_.fetch_add(1, std::memory_order_relaxed);
}

void run_core::hang(pool_core& pool, const job_options& options) {
  stop_.emplace();
  hang_job(pool, *stop_, options.stop);
  ctx_ = {};
  ctx_.pool = &pool;
  ctx_.what = this;
  ctx_.stop = &*stop_;
  ctx_.name = options_.name;
  ctx_.run = this;
  pool_stop_ = &pool.root_stop();
  std::uint32_t alarms = options.stop.stop_possible() || current.ctx ? ask_link : 0U;
  if (options.on_progress) alarms |= tell_progress;
  const bool traced = options.trace || pool.cpu().log();
  times_ = traced ? std::make_unique<run_times>() : nullptr;
  if (traced) alarms |= keep_times;
  // order: [relaxed: nobody works on it yet]
  alarms_.store(alarms, std::memory_order_relaxed);
}

void run_core::begin(pool_core& pool, const job_options& options, rounds how_often) {
  enter(pool, 2);  // the run, and this call, which it may overtake
  try {
    reset(options, std::move(how_often));
    core_ = pool.share();
    hang(pool, options);
    limit_time(options.timeout);
  } catch (...) {
    leave(pool);
    leave(pool);
    throw;
  }
  // order: [relaxed: nobody works on it yet]
  shares_.store(2, std::memory_order_relaxed);
  // order: [relaxed: as above]
  pieces_.store(1, std::memory_order_relaxed);
  // order: [relaxed: as above]
  goes_on_.store(true, std::memory_order_relaxed);
  if (rounds_.most == 0) {
    end();
  } else {
    send(start_list(), lane::cpu);
  }
  leave(pool);
}

void run_core::limit_time(std::chrono::nanoseconds limit) {
  expiry_.reset();
  if (limit.count() == 0) return;
  expiry_ = std::make_shared<expiry>();
  // order: [relaxed: nobody works on it yet]
  alarms_.fetch_or(ask_link, std::memory_order_relaxed);
  const auto shared = stop_->shared();
  if (limit.count() < 0) {
    // order: [relaxed: nobody else has it yet]
    expiry_->over.store(true, std::memory_order_relaxed);
    shared->request_stop();
    return;
  }
  expiry_->timer = call_at(*ctx_.pool, deadline_after(limit), [e = expiry_, shared] {
    // order: who sees the stop sees why [pair:RUN-TIME]
    e->over.store(true, std::memory_order_release);
    shared->request_stop();
  });
}

run_node* run_core::start_list() noexcept {
  run_node* list = nullptr;
  for (auto i = shape_->sources.rbegin(); i != shape_->sources.rend(); ++i) {
    nodes_[*i].next = list;
    list = &nodes_[*i];
  }
  return list;
}

ref<run_job> run_core::starter() {
  for (const auto& s : starters_) {
    if (s->is_sole()) return s;
  }
  starters_.push_back(make_ref<run_job>(*this));
  return starters_.back();
}

bool run_core::send(run_node* list, filch::lane where) noexcept {
  ref<run_job> work;
  try {
    std::lock_guard lock(lock_);
    work = starter();
  } catch (const std::bad_alloc&) {
    return false;
  }
  work->set(list, where);
  pool_core& pool = *ctx_.pool;  // a waiter that finds the job may end the run
  {
    std::lock_guard lock(outermost_->work_lock_);
    auto& first = outermost_->waiting_;
    work->previous_ = nullptr;
    work->next_ = first;
    if (first) first->previous_ = work.get();
    first = work.get();
  }
  enqueue(pool, std::move(work));
  return true;
}

void run_core::begins(run_job& work) noexcept {
  std::lock_guard lock(outermost_->work_lock_);
  (work.previous_ ? work.previous_->next_ : outermost_->waiting_) = work.next_;
  if (work.next_) work.next_->previous_ = work.previous_;
}

// ---- the work ---------------------------------------------------------------------------------

void run_core::work(run_node* list, bool on_io) noexcept {
  auto after = work_here(list, on_io, nullptr);
  // Not nested, so that runs inside runs need no deeper stack.
  while (after.run) {
    const within inside(after.run->ctx());
    after = after.run->work_here(nullptr, on_io, &after);
  }
}

run_core::resumed run_core::work_here(run_node* list, bool on_io, resumed* after) noexcept {
  for (;;) {
    run_node* left = nullptr;
    {
      strand s(*this, on_io);
      if (after) s.resume(*after);
      after = nullptr;
      left = s.work(list);
    }
    list = nullptr;
    if (left) {  // an io thread has other things to do than the nodes that follow
      if (send(left, lane::cpu)) return {};
      on_io = false;
      list = left;
      continue;
    }
    // order: what this piece did is visible to the last one [pair:PIECES]
    if (pieces_.fetch_sub(1, std::memory_order_acq_rel) != 1) return {};
    if (whole_) return end_inside();
    list = next_round();
    if (!list || (on_io && send(list, lane::cpu))) return {};
    on_io = false;
  }
}

void run_core::enters(strand& s) noexcept {
  std::lock_guard lock(outermost_->work_lock_);
  auto& first = outermost_->strands_;
  s.after = first;
  s.before = nullptr;
  if (first) first->before = &s;
  first = &s;
}

void run_core::leaves(strand& s) noexcept {
  const auto did = s.progress();
  std::lock_guard lock(outermost_->work_lock_);
  past_.done += did.done;
  past_.failed += did.failed;
  past_.skipped += did.skipped;
  (s.before ? s.before->after : outermost_->strands_) = s.after;
  if (s.after) s.after->before = s.before;
}

void run_core::failed(node_id node, std::exception_ptr error) noexcept {
  {
    std::lock_guard lock(lock_);
    try {
      errors_.push_back({node, std::move(error)});
    } catch (...) {
      no_room_ = std::current_exception();
    }
  }
  if (options_.errors == errors::first) cancel();
}

void run_core::tell() noexcept {
  const auto now = progress();
  std::lock_guard lock(progress_lock_);
  try {
    options_.on_progress({now.done + now.skipped, now.failed, now.total});
  } catch (...) {
    ctx_.pool->report(std::current_exception());
  }
}

// ---- the end ----------------------------------------------------------------------------------

run_node* run_core::next_round() noexcept {
  bool more = false;
  // order: [relaxed: all pieces have ended]
  if (errors_.empty() && !no_room_ && !left_out_.load(std::memory_order_relaxed)) {
    if (rounds_.enough) {
      if (auto error = thrown([&] { more = !rounds_.enough(); })) {
        errors_.push_back({0, std::move(error)});
      }
    } else if (--rounds_.most > 0) {
      more = true;
    }
    if (more && stop_requested()) {
      left_out();
      more = false;
    }
  }
  if (!more) {
    end();
    return nullptr;
  }
  begin_round();
  // order: [relaxed: this thread is the only one]
  pieces_.store(1, std::memory_order_relaxed);
  return start_list();
}

void run_core::end() noexcept {
  pool_core& pool = *ctx_.pool;
  if (expiry_) cancel_timer(pool, expiry_->timer);
  if (errors_.size() > 1 && options_.errors != errors::collect) {
    pool.count_suppressed(errors_.size() - 1);
  }
  stop_->end();
  if (times_ && pool.cpu().log()) thrown([&] { pool.cpu().log()->add(times_->events(graph_)); });
  std::vector<std::function<void()>> call_back;
  {
    std::lock_guard lock(lock_);
    ended_ = true;
    call_back.swap(callbacks_);
    quiet_end_ = call_back.empty();
  }
  // order: [relaxed: the graph's lock follows]
  goes_on_.store(false, std::memory_order_relaxed);
  graph_.ended();
  done_.set();
  for (auto& f : call_back) {
    if (auto error = thrown(f)) pool.report(std::move(error));
  }
  call_back.clear();
  give_up_share();
  leave(pool);
}

void run_core::give_up_share() noexcept {
  // order: the other's last use happens before the state is used again [pair:RUN-SHARES]
  if (shares_.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (!observed_) {
    if (auto error = verdict()) ctx_.pool->report(std::move(error));
  }
  clear_values();
  errors_.clear();
  options_ = {};
  rounds_ = {};
  core_.reset();
  graph_.give_back(*this);
}

void run_core::clear_values() noexcept {
  for (const auto& with : shape_->with_end) {
    run_node& node = nodes_[with.node];
    if (!node.has_value) continue;
    node.has_value = false;
    with.end_value(node);
  }
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
