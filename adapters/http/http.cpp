#include <algorithm>
#include <filch/blocking.hpp>
#include <filch/http.hpp>
#include <filch/this_job.hpp>
#include <stop_token>
#include <utility>

#include "owners.hpp"
#include "transfer_thread.hpp"
#include "url_text.hpp"

namespace filch {
inline namespace v0 {
namespace http {

namespace {

char lower(char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// The stop the caller gave, else the one of the job that calls.
std::stop_token effective_token(const get_options& options) {
  return options.stop.stop_possible() ? options.stop : this_job::stop_token();
}

void refuse_what_is_over(const std::string& url, const get_options& options,
                         const std::stop_token& stop) {
  if (stop.stop_requested()) {
    throw cancelled("filch::http: a stop was requested before " + detail::presentable(url) +
                    " was asked");
  }
  if (options.timeout.count() <= 0 || options.connect_timeout.count() <= 0) {
    throw timed_out("filch::http: the time to ask " + detail::presentable(url) +
                    " was over before it began; give a positive get_options.timeout and "
                    "connect_timeout");
  }
}

}  // namespace

request_failed::request_failed(failure code, std::string url, const std::string& what)
    : error(what), code_(code), url_(std::move(url)) {}
request_failed::~request_failed() = default;

bad_status::bad_status(int status, std::string url)
    : error("filch::http: " + detail::presentable(url) + " answered with status " +
            std::to_string(status) +
            "; use get() and look at response.status if that is an answer you can use"),
      status_(status),
      url_(std::move(url)) {}
bad_status::~bad_status() = default;

std::string_view response::header(std::string_view name) const noexcept {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

void response::raise_for_status() const {
  if (status >= 400) throw bad_status(status, url);
}

response detail::get_fn::operator()(const std::string& url, const get_options& options) const {
  if (promise_keeper::is_here()) {
    throw would_deadlock("filch::http: asking " + detail::presentable(url) +
                         " here would keep the answer from coming: this is a callback on the "
                         "thread that all answers come on. Use get_async(), or then()");
  }
  const std::stop_token stop = effective_token(options);
  detail::require_web_url(url);
  refuse_what_is_over(url, options, stop);
  auto& thread = detail::transfer_thread::instance();
  detail::waited_transfer transfer(url, options);
  thread.submit(transfer);
  {
    const std::stop_callback forward(stop, [&]() noexcept { thread.request_stop(transfer); });
    filch::blocking([&] { transfer.wait(); });
  }
  return transfer.take_response();
}

response detail::get_ok_fn::operator()(const std::string& url, const get_options& options) const {
  response answer = get(url, options);
  answer.raise_for_status();
  return answer;
}

namespace {
future<response> begin(const std::string& url, const get_options& options, bool ok_only) {
  promise<response> given(options.stop);
  auto answer = given.get_future();
  try {
    detail::require_web_url(url);
    refuse_what_is_over(url, options, given.stop_token());
    detail::promised_transfer::start(url, options, ok_only, given);
  } catch (...) {
    given.set_error(std::current_exception());
  }
  return answer;
}
}  // namespace

future<response> detail::get_async_fn::operator()(const std::string& url,
                                                  const get_options& options) const {
  return begin(url, options, false);
}

future<response> detail::get_ok_async_fn::operator()(const std::string& url,
                                                     const get_options& options) const {
  return begin(url, options, true);
}

}  // namespace http
}  // namespace v0
}  // namespace filch
