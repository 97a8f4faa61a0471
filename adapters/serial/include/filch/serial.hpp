#pragma once

#include <memory>

#include <filch/engine.hpp>

namespace filch {
inline namespace v0 {

/// The reference engine: a pool without cpu workers. Submitted jobs run in order, one at a time,
/// on the thread that first waits for one of them, else when the pool ends; `lane::io` has its
/// threads as on every engine. For tests, debugging, and to compare results with.
FILCH_API std::unique_ptr<engine> serial_engine();

}  // namespace v0
}  // namespace filch
