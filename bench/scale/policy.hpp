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
  /// Who must look for work behind a barrier looks without it first, and needs none if it sees
  /// some.
  bool look_first = false;
};

}  // namespace filch::bench::scale
