#include <filch/tbb.hpp>

#include "filch_runtime.hpp"

namespace filch::bench::map_ints {

std::unique_ptr<runtime> filch_tbb(unsigned threads) {
  return std::make_unique<filch_runtime>("filch on tbb", tbb_engine(threads));
}

}  // namespace filch::bench::map_ints
