// What a stranger's program does with core alone.
#include <filch/map.hpp>
#include <filch/pool.hpp>

#include <iostream>
#include <vector>

int main() {
  filch::pool pool(2);
  const std::vector<int> numbers{1, 2, 3};
  for (const int square : pool.map([](int x) { return x * x; }, numbers)) {
    std::cout << square << '\n';
  }
}
