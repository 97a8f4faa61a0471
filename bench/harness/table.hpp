#pragma once

#include <string>
#include <vector>

namespace filch::bench {

/// Text in columns: the first to the left, the others to the right.
class table {
 public:
  explicit table(std::vector<std::string> head);
  void row(std::vector<std::string> cells);
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

/// A number with `digits` behind the point.
std::string fixed(double value, int digits);

}  // namespace filch::bench
