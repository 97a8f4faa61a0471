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
  /// At each how manieth visit to victims that keep silent a thief looks whether they hide forks.
  unsigned visits_a_look = 4;
  /// Who stops to work leaves the last look, and its barrier, to those that search still.
  bool leave_to_searchers = true;
  /// Who must look for work behind a barrier looks without it first, and needs none if it sees
  /// some.
  bool look_first = true;
  /// Where the questions of others that went to sleep stand already, no barrier is needed.
  bool questions_stand = true;
  /// A sleeper that was called is relied on from the call on, not only once it is up.
  bool count_called = true;
  /// What has just become public is left alone for a moment.
  bool leave_fresh = true;
  /// Thieves look at victims of their own complex first, then of their node, then at the others.
  bool near_first = true;
  /// Each so manieth sweep begins anywhere and takes near and far ones as they come; 0: none does.
  unsigned roam = 2;
  /// Owners that publish call a sleeper unless one searcher and one more for so many threads at
  /// work are there; 0: unless one is.
  unsigned search_share = 4;
  /// Where a thread is lies apart from what it writes at each look for work.
  bool home_apart = true;

  // Not in the code; what could make it scale better.
  /// Each group of victims is visited by a random stride, so that any of it may be the first.
  bool random_stride = false;
};

}  // namespace filch::bench::scale
