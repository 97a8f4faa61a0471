#pragma once

#include <span>

#include <filch/filch.hpp>

#include "ledger.hpp"

/// \file
/// Every way a job can take into a pool. Each road runs one job for each cell and returns when all
/// of them have ended or were reported as cancelled.

namespace filch_test {

/// What a road's cells count; told apart because a body of a loop costs nanoseconds, and a
/// submitted job has memory and a place in a queue of its own.
enum class unit { submitted, half, body };

struct road {
  const char* name;
  unit counts;
  void (*run)(const filch::pool& pool, cells mine);
  /// Blocks in a way that the pool does not know of, so it must not be a job of the pool itself.
  bool outside_only = false;
  /// Jobs in each so many cells of the other roads; threads of the io lane cost microseconds.
  std::size_t rarer = 1;
};

std::span<const road> roads();

}  // namespace filch_test
