#pragma once

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

#include "figures.hpp"
#include "server_process.hpp"

namespace demo {

/// What every recipe is given: where to run, how much to do, and where its figures go.
struct setting {
  std::vector<std::string> engines;
  bool quick = false;
  /// How long the demo's web pages take to answer.
  std::chrono::milliseconds latency{1000};
  std::ostream& out;
  figures& found;
};

/// 1: web pages by `map`, with 1, 4, 8, 13 at a time, and as filch chooses.
void map_pages(setting& s, const server_process& server);
/// 2: `starmap` of two arrays.
void starmap_two_arrays(setting& s);
/// 3: `starmap` of a constant and an array.
void starmap_constant(setting& s);
/// 4: `race` of four mirrors, and what becomes of the losers.
void race_mirrors(setting& s, const server_process& server);
/// 5: the sum of a large range by subranges.
void reduce_subranges(setting& s);

}  // namespace demo
