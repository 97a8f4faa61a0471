#include <curl/curl.h>

#include <exception>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "fetch_urls/contender.hpp"

/// \file
/// libcurl's easy interface in a pool of threads: each keeps its handle, and so its connections.

namespace filch::bench::fetch {
namespace {

struct cleanup {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};

std::size_t append(char* data, std::size_t size, std::size_t n, void* body) {
  static_cast<std::string*>(body)->append(data, size * n);
  return size * n;
}

class fetcher {
 public:
  fetcher() : easy_(curl_easy_init()) {
    curl_easy_setopt(easy_.get(), CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(easy_.get(), CURLOPT_WRITEDATA, &body_);
  }
  fetcher(const fetcher&) = delete;
  fetcher& operator=(const fetcher&) = delete;

  std::size_t fetch(const std::string& url) {
    body_.clear();
    curl_easy_setopt(easy_.get(), CURLOPT_URL, url.c_str());
    const CURLcode result = curl_easy_perform(easy_.get());
    if (result != CURLE_OK) throw std::runtime_error(url + ": " + curl_easy_strerror(result));
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    return checked(url, status, body_);
  }

 private:
  std::unique_ptr<CURL, cleanup> easy_;
  std::string body_;
};

class first_error {
 public:
  void keep(std::exception_ptr error) {
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
  }
  void raise() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::mutex mutex_;
  std::exception_ptr error_;
};

void fetch_all(const orders& o, tally& counted) {
  curl_global_init(CURL_GLOBAL_ALL);
  shared_urls urls(o.file);
  first_error failed;
  const auto work = [&] {
    try {
      fetcher mine;
      while (const auto url = urls.next()) counted.take(mine.fetch(*url));
    } catch (...) {
      failed.keep(std::current_exception());
    }
  };
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < o.width; ++i) threads.emplace_back(work);
  for (auto& thread : threads) thread.join();
  failed.raise();
}

}  // namespace
}  // namespace filch::bench::fetch

int main(int argc, char** argv) {
  return filch::bench::fetch::compete(argc, argv, filch::bench::fetch::fetch_all);
}
