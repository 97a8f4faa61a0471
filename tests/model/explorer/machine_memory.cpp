// The memory of the machine: release and acquire, release sequences, fences. README.md tells why.
#include "machine.hpp"

namespace model {
namespace {

constexpr auto seq_cst = std::memory_order_seq_cst;

bool acquires(std::memory_order order) {
  return order == std::memory_order_acquire || order == std::memory_order_consume ||
         order == std::memory_order_acq_rel || order == seq_cst;
}
bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == seq_cst;
}
const char* name_of(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_consume:
      return "consume";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    default:
      return "seq_cst";
  }
}

}  // namespace

// ---- which store an access reads, and where one goes

stamp machine::oldest_allowed(int id, std::memory_order order) {
  const auto known = me().now.seen(id);
  return order == seq_cst ? std::max(known, sc_.seen(id)) : known;
}

std::size_t machine::pick_candidate(choice about) {
  const int n = candidate_count_;
  const int allowed = stale_reads_ < limits_.stale_reads ? n : 1;
  const int picked = choices_->choose(about, n, allowed);
  stale_reads_ += picked != 0;
  return candidates_[static_cast<std::size_t>(picked)];
}

std::size_t machine::choose_store(int id, std::memory_order order) {
  const auto& l = locations_[static_cast<std::size_t>(id)];
  const auto newest = l.history.size() - 1;
  const auto n = newest - l.index_of(oldest_allowed(id, order)) + 1;
  candidate_count_ = static_cast<int>(std::min(n, std::size_t{32}));
  for (std::size_t i = 0; i < static_cast<std::size_t>(candidate_count_); ++i) {
    candidates_[i] = newest - i;
  }
  return pick_candidate(choice::read);
}

std::size_t machine::choose_place(int id, std::memory_order order) {
  const auto& l = locations_[static_cast<std::size_t>(id)];
  const auto oldest = l.index_of(oldest_allowed(id, order));
  candidate_count_ = 0;
  for (auto i = l.history.size(); i-- > oldest && candidate_count_ < 32;) {
    if (l.has_room_after(i)) candidates_[static_cast<std::size_t>(candidate_count_++)] = i;
  }
  return pick_candidate(choice::place);
}

void machine::observe(int id, const store_record& seen, std::memory_order order) {
  auto& t = me();
  t.now.seen(id) = std::max(t.now.seen(id), seen.at);
  t.polled |= std::uint64_t{1} << id;
  if (acquires(order)) {
    t.now.join(seen.released);
  } else {
    t.acquired.join(seen.released);
  }
  if (order == seq_cst) sc_.seen(id) = std::max(sc_.seen(id), seen.at);
}

void machine::append(int id, std::size_t after, std::uint64_t value, std::memory_order order,
                     const knowledge* continued) {
  auto& l = locations_[static_cast<std::size_t>(id)];
  auto& t = me();
  const auto stamped = l.stamp_after(after);
  if (stamped > std::numeric_limits<stamp>::max() - 2 * stamp_gap) {
    fail("the program stores too often to one object");
  }
  t.now.seen(id) = stamped;
  store_record record{value, stamped, continued != nullptr, {}};
  record.released = releases(order) ? t.now : t.release_fence;
  record.released.seen(id) = stamped;
  // A release sequence goes on through read-modify-writes, and since C++20 through nothing else.
  if (continued) record.released.join(*continued);
  l.history.insert(l.history.begin() + static_cast<std::ptrdiff_t>(after + 1), record);
  if (releases(order)) ++t.now.clock(me_);
  if (order == seq_cst) sc_.seen(id) = std::max(sc_.seen(id), stamped);
  ++stores_;
}

// ---- accesses

std::uint64_t machine::load(place where, std::memory_order order) {
  step();
  auto& l = at(where);
  if (me_ < 0) return l.history.back().value;
  touch(l, false);
  const auto i = choose_store(where.id, order);
  observe(where.id, l.history[i], order);
  note(l.is_last(i) ? "loads" : "loads an old value", where.id, l.history[i].value, name_of(order));
  return l.history[i].value;
}

void machine::store(place where, std::uint64_t value, std::memory_order order) {
  step();
  auto& l = at(where);
  if (me_ < 0) {
    l.history.back().value = value;
    return;
  }
  touch(l, false);
  const auto after = choose_place(where.id, order);
  note(l.is_last(after) ? "stores" : "stores in between", where.id, value, name_of(order));
  append(where.id, after, value, order, nullptr);
}

std::size_t machine::begin_update(place where, std::memory_order order) {
  step();
  auto& l = at(where);
  if (me_ < 0) return l.history.size() - 1;
  touch(l, false);
  const auto from = choose_place(where.id, order);
  observe(where.id, l.history[from], order);
  return from;
}

void machine::end_update(place where, std::size_t from, std::uint64_t value,
                         std::memory_order order) {
  auto& l = locations_[static_cast<std::size_t>(where.id)];
  if (me_ < 0) {
    l.history.back().value = value;
    return;
  }
  note("updates to", where.id, value, name_of(order));
  const auto continued = l.history[from].released;
  append(where.id, from, value, order, &continued);
}

bool machine::compare_exchange(place where, std::uint64_t& expected, std::uint64_t desired,
                               exchange_orders orders, bool weak) {
  step();
  auto& l = at(where);
  if (me_ < 0) {
    if (l.history.back().value != expected) {
      expected = l.history.back().value;
      return false;
    }
    l.history.back().value = desired;
    return true;
  }
  touch(l, false);
  // A store with the expected value can only be read by writing right behind it.
  const auto oldest = l.index_of(oldest_allowed(where.id, orders.success));
  candidate_count_ = 0;
  for (auto i = l.history.size(); i-- > oldest && candidate_count_ < 32;) {
    if (l.history[i].value != expected || l.has_room_after(i)) {
      candidates_[static_cast<std::size_t>(candidate_count_++)] = i;
    }
  }
  const auto i = pick_candidate(choice::read);
  if (l.history[i].value != expected || (weak && oddity())) {
    observe(where.id, l.history[i], orders.failure);
    expected = l.history[i].value;
    note("fails to exchange", where.id, expected, name_of(orders.failure));
    return false;
  }
  observe(where.id, l.history[i], orders.success);
  end_update(where, i, desired, orders.success);
  return true;
}

// ---- fences

void machine::fence(std::memory_order order) {
  step();
  if (me_ < 0) return;
  auto& t = me();
  note("fence", -1, 0, name_of(order));
  if (acquires(order)) t.now.join(t.acquired);
  if (order == seq_cst) {
    sc_.join_seen(t.now);
    t.now.join_seen(sc_);
  }
  if (releases(order)) {
    t.release_fence = t.now;
    ++t.now.clock(me_);
  }
}

void machine::light_fence() {
  if (me_ < 0) return;
  auto& t = me();
  note("light fence", -1, 0);
  t.now.join_seen(heavy_);
  t.light_fence = t.now;
}

void machine::heavy_fence() {
  fence(seq_cst);
  if (me_ < 0) return;
  note("heavy fence", -1, 0);
  for (int i = 0; i < tested_.threads; ++i) {
    const auto& t = threads_[static_cast<std::size_t>(i)];
    if (i != me_) sc_.join_seen(limits_.heavy_fence_is_immediate ? t.now : t.light_fence);
  }
  me().now.join_seen(sc_);
  me().release_fence.join_seen(sc_);
  heavy_.join_seen(sc_);
  if (!limits_.heavy_fence_is_immediate) return;
  for (auto& t : threads_) t.now.join_seen(sc_);
}

}  // namespace model
