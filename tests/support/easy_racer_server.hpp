#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace filch::test {

/// The scenarios of Easy Racer (github.com/jamesward/easyracer), an obstacle course for racing and
/// cancelling, written from its description and the published behaviour of its server. GET /1 to
/// /11; a client that has done it right is told "right".
///
/// | path | what the server does |
/// |------|-----------------------------------------------------------------------------------|
/// | /1   | of two, answers the first and never the second                                     |
/// | /2   | of two, drops the second and answers the first a second later                      |
/// | /3   | answers the 10 000th of so many that are open at once, and none of the others      |
/// | /4   | answers those that are left once a client has given up on one                      |
/// | /5   | of two, answers the first with 500, the other a second later                       |
/// | /6   | of three, the first gets 500, the second an answer a second later, the third none  |
/// | /7   | of two, answers the first if the second came more than two seconds later           |
/// | /8   | ?open gives an id; of two ?use=ID the first gets 500, the second an answer once     |
/// |      | the first's id is given back by ?close=ID                                          |
/// | /9   | of ten, half get 500; the others the letters of the answer, a second apart         |
/// | /10  | ?ID stays open for some seconds; ?ID=LOAD then answers if the reported loads were  |
/// |      | high while it was open, and are low now                                            |
/// | /11  | of three, drops two and answers the last                                           |
///
/// Threads: one of its own; every member may be called from any thread.
class easy_racer_server {
 public:
  /// `blocker`: how long /10?ID stays open. Throws: as http_loop.
  explicit easy_racer_server(std::chrono::seconds blocker);
  ~easy_racer_server();
  easy_racer_server(const easy_racer_server&) = delete;
  easy_racer_server& operator=(const easy_racer_server&) = delete;

  std::uint16_t port() const noexcept;

 private:
  class course;
  std::unique_ptr<course> course_;
};

}  // namespace filch::test
