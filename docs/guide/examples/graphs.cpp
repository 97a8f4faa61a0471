#include <iostream>
#include <string>

#include <filch/filch.hpp>

int main() {
  filch::pool pool(2);
  int asked = 150;

  // [meet]
  filch::graph g;
  int width = 0;  // what either way has made of it
  auto wanted = g.add([&asked] { return asked; });
  auto large = g.branch([](int n) { return n > 100; }, wanted);
  auto half = g.add([&width](int n) { width = n / 2; }, wanted);
  auto same = g.add([&width](int n) { width = n; }, wanted);
  large.to(half, same);  // true: half; false: same
  auto met = g.add([&width] { return std::to_string(width) + " wide"; }).succeed(half, same);
  // [end]

  // [run]
  std::cout << pool.run(g).get(met) << '\n';
  asked = 60;
  std::cout << pool.run(g).get(met) << '\n';
  // [end]

  filch::graph both;
  auto yes = both.branch([] { return true; });
  auto one = both.add([] { return 1; });
  auto other = both.add([] { return 2; });
  yes.to(one, other);
  auto sum = both.add([](int a, int b) { return a + b; }, one, other);
  auto run = pool.run(both);
  run.get();
  if (run.state(sum) == filch::node_state::passed) std::cout << "passed\n";

  filch::graph nowhere;
  auto undecided = nowhere.branch([] { return true; });
  auto behind = nowhere.add([] { return 1; }).succeed(undecided);
  std::cout << pool.run(nowhere).get(behind) << '\n';
}

// [output]
// 75 wide
// 60 wide
// passed
// 1
// [end]
