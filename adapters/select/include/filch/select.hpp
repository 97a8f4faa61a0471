#pragma once

#include <memory>
#include <string_view>

#include <filch/engine.hpp>

namespace filch {
inline namespace v0 {

/// The engine of that name, `native`, `tbb` or `serial`, with `workers` workers (0: as `pool()`
/// sizes itself; `serial` has none). Without a name the variable FILCH_ENGINE names it; where that
/// is unset the engine is native, and where it is malformed there is a warning as well.
/// Throws: `std::invalid_argument` for a name that is none of them, and for `tbb` in a build
/// without it; as the engine itself for impossible numbers of workers.
FILCH_API std::unique_ptr<engine> make_engine(std::string_view name = {}, unsigned workers = 0);

}  // namespace v0
}  // namespace filch
