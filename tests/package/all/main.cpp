// What a stranger's program does with every component.
#include <filch/filch.hpp>
#include <filch/http.hpp>
#include <filch/select.hpp>
#include <filch/serial.hpp>
#include <filch/tbb.hpp>

#include <functional>
#include <iostream>

int main() {
  long sums = 0;
  for (const char* name : {"native", "tbb", "serial"}) {
    filch::pool pool(filch::make_engine(name, 2));
    sums += pool.reduce(filch::range(0, 1000), 0L, std::plus<>{});
  }
  if (sums != 3 * 499'500L) return 1;
  filch::pool direct(filch::tbb_engine(1));
  try {
    // Nothing listens there: the error must be the library's own.
    direct.with(filch::on_io).submit([] { return filch::http::get("http://127.0.0.1:9/"); }).get();
  } catch (const filch::http::request_failed& refused) {
    std::cout << refused.what() << '\n';
    return 0;
  }
  return 1;
}
