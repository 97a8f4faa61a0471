#pragma once

namespace filch::bench::scale {

/// What the scheduler decides by; the usual values are those of the code.
struct policy {
  /// How long a thread looks for work before it sleeps, and a waiter before it blocks.
  double spin = 20'000;
  /// How long an owner may leave a question unanswered before a thief takes by force.
  double patience = 5'000;
  /// How far apart forced takes of one process are.
  double force_gap = 5'000;
  /// Thieves look at victims of their own socket first, then at the others.
  bool near_first = false;
  /// Who stops to work leaves the last look, and its barrier, to those that search still.
  bool leave_to_searchers = false;
  /// The last searcher that has found something looks for more without the barrier.
  bool light_finders = false;
};

}  // namespace filch::bench::scale
