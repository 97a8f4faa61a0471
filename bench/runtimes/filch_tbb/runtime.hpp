#pragma once

#include <filch/tbb.hpp>

#include "runtimes/filch_pool.hpp"

/// \file
/// filch on threads of oneTBB.

namespace filch::bench {

class runtime : public filch_pool {
 public:
  static constexpr const char* name = "filch tbb";
  explicit runtime(unsigned threads) : filch_pool(tbb_engine(threads)) {}
};

}  // namespace filch::bench
