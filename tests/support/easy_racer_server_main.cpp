#include "easy_racer_server.hpp"
#include "server_main.hpp"

/// The scenarios as a process of its own: ten thousand connections need a descriptor at each end.
int main() {
  return filch::test::server_main("easy_racer_server", [] {
    const filch::test::easy_racer_server server(std::chrono::seconds(5));
    filch::test::serve_at(server.port());
  });
}
