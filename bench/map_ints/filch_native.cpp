#include <filch/engine.hpp>

#include "filch_runtime.hpp"

namespace filch::bench::map_ints {

std::unique_ptr<runtime> filch_native(unsigned threads) {
  return std::make_unique<filch_runtime>("filch native", native_engine(threads));
}

}  // namespace filch::bench::map_ints
