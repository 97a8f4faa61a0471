#include <filch/error.hpp>

#include <exception>
#include <iostream>

int main() {
  try {
    throw filch::cancelled();
  } catch (const filch::error&) {
    std::cout << filch::describe(std::current_exception()) << '\n';
  }
}
