#pragma once

#include <memory>

#include <filch/engine.hpp>

namespace filch {
inline namespace v0 {

/// An engine whose workers are oneTBB's: `filch::pool pool(filch::tbb_engine(4));`
///
/// `workers`: how many to ask oneTBB for; 0: as `pool()` sizes itself. More than the machine has
/// cores is possible: it raises oneTBB's limit for the process while the pool lives. It remains a
/// request, because a lower limit set by the program itself wins; `describe()` says what became
/// of it.
/// Throws: `std::invalid_argument` for more than 4096.
FILCH_API std::unique_ptr<engine> tbb_engine(unsigned workers = 0);

}  // namespace v0
}  // namespace filch
