#pragma once

#include <filch/engine.hpp>

#include "runtimes/filch_pool.hpp"

/// \file
/// filch on its own scheduler.

namespace filch::bench {

class runtime : public filch_pool {
 public:
  static constexpr const char* name = "filch native";
  explicit runtime(unsigned threads) : filch_pool(native_engine(threads)) {}
};

}  // namespace filch::bench
