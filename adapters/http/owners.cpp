#include "owners.hpp"

#include <exception>
#include <utility>

#include "transfer_thread.hpp"

namespace filch {
inline namespace v0 {
namespace http::detail {

void waited_transfer::hand_back() noexcept {
  const auto ended = ended_;
  // order: the caller sees the answer; and, against the wake below being skipped, the store comes
  // before the standard library's look at whether somebody waits [pair:HANDED_BACK]
  ended->store(1, std::memory_order_seq_cst);
  ended->notify_one();
}

void waited_transfer::wait() noexcept {
  // order: sees all that the transfer thread did to this transfer [pair:HANDED_BACK]
  ended_->wait(0, std::memory_order_acquire);
}

void promised_transfer::start(const std::string& url, const get_options& options, bool ok_only,
                              promise<response>& given) {
  const std::stop_token stop = given.stop_token();
  struct deleter {
    void operator()(promised_transfer* unstarted) const noexcept { delete unstarted; }
  };
  std::unique_ptr<promised_transfer, deleter> made(new promised_transfer(url, options, ok_only));
  transfer_thread::instance().submit(*made);
  // From here on it may be carried out at any moment, but it is not destroyed before the release.
  promised_transfer& here = *made.release();
  here.promise_.emplace(std::move(given));
  here.on_stop_.emplace(stop, ask_to_stop{here});
  here.release();
}

void promised_transfer::ask_to_stop::operator()() const noexcept {
  transfer_thread::instance().request_stop(which);
}

void promised_transfer::release() noexcept {
  // order: the last holder sees what the other did to the transfer [pair:PROMISED]
  if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) keep_promise();
}

/// The transfer goes first: whoever hears of the outcome finds its connection given back.
void promised_transfer::keep_promise() noexcept {
  promise<response> given = *std::move(promise_);
  response answer;
  std::exception_ptr error;
  try {
    answer = take_response();
    if (ok_only_) answer.raise_for_status();
  } catch (...) {
    error = std::current_exception();
  }
  delete this;
  if (error) {
    given.set_error(std::move(error));
  } else {
    given.set_value(std::move(answer));
  }
}

}  // namespace http::detail
}  // namespace v0
}  // namespace filch
