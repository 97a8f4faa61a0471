#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include <filch/detail/atomics.hpp>
#include <filch/detail/latch.hpp>

namespace filch {
inline namespace v0 {
namespace detail {

/// A stack of jobs whose owner pays no fence and no atomic read-modify-write as long as nobody
/// steals: the halves of forks, which live in their owners' frames.
///
/// The jobs [0, tail) lie oldest first. [stolen, split) are public: thieves take the oldest by an
/// exchange of one word. [split, tail) are private: plain stores of the owner. Two ways lead over
/// the split. A thief that finds nothing public *asks*; the owner answers at its next push and
/// makes half of its private jobs public. An owner inside a long job answers nobody, so a thief may
/// take by *force*: it moves the split up under a mark, crosses a barrier that acts on every thread
/// of the process, and then either the owner's pop sees the moved split, or the thief sees the
/// lowered tail.
///
/// Source: the split deque of van Dijk and van de Pol (Lace, 2014); the asymmetric barrier as in
/// P1202. The forced take and its mark are ours. Protocol and ledger: core/src/queue/README.md.
/// Threads: the first group of functions is the owner's; the second is anybody's.
template <class Job, class Thief, class Atomics = std_atomics, std::uint32_t Capacity = 1024>
class split_deque {
 public:
  using index = std::uint32_t;

  split_deque() noexcept {
    // order: [relaxed: nobody shares the deque yet]
    for (auto& job : jobs_) job.store(nullptr, std::memory_order_relaxed);
    // order: [relaxed: as above]
    for (auto& thief : thieves_) thief.store(nullptr, std::memory_order_relaxed);
  }
  split_deque(const split_deque&) = delete;
  split_deque& operator=(const split_deque&) = delete;

  // ---- the owner ----

  /// True if a push has no room; the owner then runs the job itself.
  bool full() const noexcept {
    // order: [relaxed: only the owner writes tail]
    return tail_.load(std::memory_order_relaxed) == Capacity;
  }
  /// Adds a job above all others. Requires: not full.
  void push(Job* job) noexcept {
    // order: [relaxed: only the owner writes tail]
    const index at = tail_.load(std::memory_order_relaxed);
    // order: [relaxed: published by tail, or by the word that makes it public]
    jobs_[at].store(job, std::memory_order_relaxed);
    // order: the job is visible to a thief that takes it by force [pair:FORK-TAIL]
    tail_.store(at + 1, std::memory_order_release);
    // order: either a thief that goes to sleep sees the job, or asked() sees it ask [pair:FORK-ASK]
    Atomics::light_fence();
  }
  /// True if a thief has asked for jobs. To be looked at after every push.
  bool asked() const noexcept {
    // order: [relaxed: ordered by the fence of push]
    return question_.load(std::memory_order_relaxed) != none;
  }
  /// Takes the newest job off: true if it is the owner's to run. If false, `reclaim` decides.
  bool pop() noexcept {
    // order: [relaxed: only the owner writes tail]
    const index at = tail_.load(std::memory_order_relaxed) - 1;
    // order: who reads this tail sees the jobs below as well as from the push [pair:FORK-TAIL]
    tail_.store(at, std::memory_order_release);
    // order: either a thief by force sees this tail, or we see its split [pair:FORK-FORCE]
    Atomics::light_fence();
    // order: [relaxed: ordered by the fence above; below the split only reclaim decides]
    return split_of(word_.load(std::memory_order_relaxed)) <= at;
  }
  /// After a pop that said false: true if the job is the owner's all the same; else a thief has it,
  /// and it keeps its place until `forget`.
  bool reclaim() noexcept {
    // order: [relaxed: only the owner writes tail]
    const index at = tail_.load(std::memory_order_relaxed);
    // order: what a thief did before it put the split back is over [pair:FORK-WORD]
    auto seen = word_.load(std::memory_order_acquire);
    while (split_of(seen) > at) {
      if (stolen_of(seen) > at) {
        // order: as every store to tail [pair:FORK-TAIL]
        tail_.store(at + 1, std::memory_order_release);
        return false;
      }
      // Takes the job back, and with it a mark: below a mark nothing was public.
      // order: decides between owner and thieves [pair:FORK-WORD]
      if (word_.compare_exchange_weak(seen, word(stolen_of(seen), at), std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return true;
      }
    }
    return true;
  }
  /// The newest job was stolen and is over: frees its place.
  void forget() noexcept {
    // order: [relaxed: only the owner writes tail]
    const index at = tail_.load(std::memory_order_relaxed) - 1;
    done_[at].close_again();
    // order: [relaxed: the next thief of this place comes by the word below]
    thieves_[at].store(nullptr, std::memory_order_relaxed);
    // order: as every store to tail [pair:FORK-TAIL]
    tail_.store(at, std::memory_order_release);
    // order: who steals at this place again finds it cleared [pair:FORK-WORD]
    word_.store(word(at, at), std::memory_order_release);
  }
  /// Makes half of the private jobs public and forgets the question; `always`: makes all of them
  /// public and leaves the question standing, so that every push comes here. (For machines without
  /// a heavy fence, where nothing can be taken by force.)
  void answer(bool always) noexcept {
    // order: [relaxed: the caller crosses a fence before it looks who sleeps]
    if (!always) question_.store(none, std::memory_order_relaxed);
    // order: [relaxed: only the owner writes tail]
    const index t = tail_.load(std::memory_order_relaxed);
    // order: [relaxed: the exchange decides]
    auto seen = word_.load(std::memory_order_relaxed);
    for (;;) {
      // Under a mark nothing was public before; the mark's thief will find that it lost.
      const index from = is_marked(seen) ? stolen_of(seen) : split_of(seen);
      if (from >= t) return;
      const index to = always ? t : from + (t - from + 1) / 2;
      // order: the jobs are visible to who takes one [pair:FORK-WORD]
      if (word_.compare_exchange_weak(seen, word(stolen_of(seen), to), std::memory_order_acq_rel,
                                      std::memory_order_relaxed)) {
        return;
      }
    }
  }
  /// The place of the newest job.
  index newest() const noexcept {
    // order: [relaxed: only the owner writes tail]
    return tail_.load(std::memory_order_relaxed) - 1;
  }

  // ---- anybody ----

  /// True if no job was there for thieves a moment ago; the caller orders it by a fence.
  bool looks_empty() const noexcept {
    // order: [relaxed: a hint, or ordered by the caller's heavy fence]
    const auto w = word_.load(std::memory_order_relaxed);
    // order: [relaxed: as above]
    return tail_.load(std::memory_order_relaxed) <= stolen_of(w);
  }
  /// True if a public job was there a moment ago.
  bool has_public() const noexcept {
    // order: [relaxed: a hint]
    const auto seen = word_.load(std::memory_order_relaxed);
    return !is_marked(seen) && stolen_of(seen) < split_of(seen);
  }
  /// Takes the oldest public job into `out`; `at` is its place. False if there was none, or another
  /// thief was faster.
  bool steal(Job*& out, index& at, Thief* me) noexcept {
    // order: the public jobs are visible [pair:FORK-WORD]
    auto seen = word_.load(std::memory_order_acquire);
    if (is_marked(seen) || stolen_of(seen) >= split_of(seen)) return false;
    // order: decides between owner and thieves [pair:FORK-WORD]
    if (!word_.compare_exchange_strong(seen, word(stolen_of(seen) + 1, split_of(seen)),
                                       std::memory_order_acq_rel, std::memory_order_relaxed)) {
      return false;
    }
    take(stolen_of(seen), out, at, me);
    return true;
  }
  /// Leaves a question for the owner, who will see it soon.
  void ask() noexcept {
    // order: [relaxed: a hint]
    if (!asked()) question_.store(hint, std::memory_order_relaxed);
  }
  /// Leaves a question that the owner sees at its next push, as the caller will cross a heavy fence
  /// and look once more (or is the owner). False if one stands already: then whoever has left it
  /// does so.
  bool ask_for_good() noexcept {
    // order: [relaxed: ordered by the fences of who left it and of who goes by it [pair:FORK-ASK]]
    if (question_.load(std::memory_order_relaxed) == stands) return false;
    // order: [relaxed: ordered by the asker's heavy fence [pair:FORK-ASK]]
    question_.store(stands, std::memory_order_relaxed);
    return true;
  }
  /// Takes the oldest private job while nothing is public, and makes half of the others public.
  /// Cost: one barrier over all threads of the process, some microseconds. False if there was
  /// nothing to take, or the owner or another thief was in the way.
  bool force(Job*& out, index& at, Thief* me) noexcept {
    // order: the thief before is done with its mark [pair:FORK-LOCK]
    if (forcing_.exchange(true, std::memory_order_acquire)) return false;
    const bool got = force_alone(out, at, me);
    // order: our mark is gone [pair:FORK-LOCK]
    forcing_.store(false, std::memory_order_release);
    return got;
  }
  /// Opens when the stolen job at that place is over; set by the thief, its last access.
  basic_latch<Atomics>& done(index at) noexcept { return done_[at]; }
  /// Who has the job at that place; null as long as that is not known.
  Thief* thief(index at) const noexcept {
    // order: the thief's fields are visible [pair:FORK-THIEF]
    return thieves_[at].load(std::memory_order_acquire);
  }
  /// The job at that place has changed hands.
  void set_thief(index at, Thief* who) noexcept {
    // order: hands the thief to who waits for the job [pair:FORK-THIEF]
    thieves_[at].store(who, std::memory_order_release);
  }

 private:
  // The question: none, one by a thief that goes on looking, or one by a thread that stops.
  static constexpr std::uint8_t none = 0, hint = 1, stands = 2;
  // The word: `stolen` in the low 31 bits, the mark of a forced take, `split` in the high 32.
  using word_type = std::uint64_t;
  static constexpr word_type mark = word_type{1} << 31;
  static constexpr word_type word(index stolen, index split) noexcept {
    return word_type{split} << 32 | stolen;
  }
  static constexpr index stolen_of(word_type w) noexcept {
    return static_cast<index>(w & (mark - 1));
  }
  static constexpr index split_of(word_type w) noexcept { return static_cast<index>(w >> 32); }
  static constexpr bool is_marked(word_type w) noexcept { return (w & mark) != 0; }

  bool force_alone(Job*& out, index& at, Thief* me) noexcept {
    // order: [relaxed: the exchange decides]
    auto seen = word_.load(std::memory_order_relaxed);
    const index from = split_of(seen);
    if (is_marked(seen) || stolen_of(seen) != from) return false;
    // order: [relaxed: a hint; read again behind the barrier]
    const index above = tail_.load(std::memory_order_relaxed);
    if (above <= from) return false;
    const index to = from + (above - from + 1) / 2;
    auto marked = word(from, to) | mark;
    // order: the owner's changes of the word are in one order with ours [pair:FORK-WORD]
    if (!word_.compare_exchange_strong(seen, marked, std::memory_order_acq_rel,
                                       std::memory_order_relaxed)) {
      return false;
    }
    // order: from here on every pop below `to` sees the marked word and must change it, or its
    // tail is visible to us [pair:FORK-FORCE]
    Atomics::heavy_fence();
    // order: the jobs below this tail are visible [pair:FORK-TAIL]
    const index left = std::min(to, tail_.load(std::memory_order_acquire));
    if (left <= from) {
      // order: nothing was taken [pair:FORK-WORD]
      word_.compare_exchange_strong(marked, word(from, from), std::memory_order_acq_rel,
                                    std::memory_order_relaxed);
      return false;
    }
    // order: the owner has popped none of [from, left) since the barrier; others may take the rest
    // [pair:FORK-WORD]
    if (!word_.compare_exchange_strong(marked, word(from + 1, left), std::memory_order_acq_rel,
                                       std::memory_order_relaxed)) {
      return false;
    }
    take(from, out, at, me);
    return true;
  }

  // The place is ours, so the job in it is the one that was public: read it only now.
  void take(index place, Job*& out, index& at, Thief* me) noexcept {
    // order: [relaxed: visible by the acquire of the word or of tail]
    out = jobs_[place].load(std::memory_order_relaxed);
    at = place;
    set_thief(place, me);
  }

  // The owner writes the first line at every fork; thieves look at the second as long as they can,
  // so that the first stays in the owner's cache.
  alignas(64) typename Atomics::template atomic<index> tail_{0};
  alignas(64) typename Atomics::template atomic<word_type> word_{0};
  typename Atomics::template atomic<std::uint8_t> question_{stands};  // nobody knows who sleeps
  typename Atomics::template atomic<bool> forcing_{false};
  alignas(64) typename Atomics::template atomic<Job*> jobs_[Capacity];
  typename Atomics::template atomic<Thief*> thieves_[Capacity];
  basic_latch<Atomics> done_[Capacity];
};

}  // namespace detail
}  // namespace v0
}  // namespace filch
