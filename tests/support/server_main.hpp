#pragma once

#include <cstdint>
#include <functional>

namespace filch::test {

/// What a server process does: prints its port on a line and serves until its standard input ends
/// or SIGTERM or SIGINT comes.
void serve_at(std::uint16_t port);

/// The body of main: calls `serve` with as many descriptors as the system allows; its exit code.
int server_main(const char* name, const std::function<void()>& serve);

}  // namespace filch::test
