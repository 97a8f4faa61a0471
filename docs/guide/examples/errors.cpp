#include <exception>
#include <iostream>
#include <stdexcept>
#include <string>
#include <vector>

#include <filch/filch.hpp>

int even_only(int n) {
  if (n % 2 != 0) throw std::runtime_error(std::to_string(n) + " is odd");
  return n;
}

int main() {
  filch::pool pool(2);
  const std::vector<int> numbers{2, 3, 4, 5};

  // [serial]
  try {
    pool.map(even_only, numbers);
  } catch (const std::runtime_error& e) {
    std::cout << e.what() << '\n';
  }
  // [end]

  // [collect]
  try {
    pool.with({.errors = filch::errors::collect}).map(even_only, numbers);
  } catch (const filch::errors_list& e) {
    for (const auto& item : e.errors()) {
      std::cout << "item " << item.index << ": " << filch::describe(item.error) << '\n';
    }
  }
  // [end]

  // [family]
  try {
    pool.close();
    pool.map(even_only, numbers);
  } catch (const filch::pool_closed&) {
    std::cout << "the pool is closed\n";
  } catch (const filch::error&) {
    std::cout << "filch refused for another reason\n";
  }
  // [end]

  // [unhandled]
  filch::pool_options options;
  options.on_unhandled = [](std::exception_ptr e) { std::cout << filch::describe(e) << '\n'; };
  filch::pool quiet(options);
  quiet.post([] { throw std::runtime_error("nobody waits for me"); });
  // [end]
  quiet.close();
  quiet.join();
}

// [output]
// 3 is odd
// item 1: 3 is odd
// item 3: 5 is odd
// the pool is closed
// nobody waits for me
// [end]
