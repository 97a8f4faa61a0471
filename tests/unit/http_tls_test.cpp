#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filch/http.hpp>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

/// That filch::http trusts only whom it should. The server is the one of the `openssl` program,
/// with a certificate for 127.0.0.1 that it has signed itself.
namespace {

using namespace std::chrono_literals;
namespace http = filch::http;

bool have_openssl() { return std::system("openssl version >/dev/null 2>&1") == 0; }

class tls_server {
 public:
  /// `options` are given to `openssl s_server`, such as "-tls1_1".
  explicit tls_server(std::vector<std::string> options = {}) {
    std::string pattern = std::filesystem::temp_directory_path() / "filch_tls_XXXXXX";
    if (!::mkdtemp(pattern.data())) throw std::runtime_error("no temporary folder");
    folder_ = pattern;
    const std::string make =
        "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=filch "
        "-addext subjectAltName=IP:127.0.0.1 -keyout " +
        key() + " -out " + certificate() + " >/dev/null 2>&1";
    if (std::system(make.c_str()) != 0) throw std::runtime_error("no certificate was made");
    start(std::move(options));
  }
  ~tls_server() {
    ::kill(process_, SIGTERM);
    ::waitpid(process_, nullptr, 0);
    if (output_) std::fclose(output_);
    std::filesystem::remove_all(folder_);
  }
  tls_server(const tls_server&) = delete;
  tls_server& operator=(const tls_server&) = delete;

  std::string certificate() const { return folder_ / "certificate.pem"; }
  std::string url(const char* host = "127.0.0.1") const {
    return std::string("https://") + host + ":" + port_ + "/";
  }

 private:
  std::string key() const { return folder_ / "key.pem"; }

  void start(std::vector<std::string> options) {
    std::vector<std::string> words{"openssl", "s_server", "-accept",     "127.0.0.1:0", "-key",
                                   key(),     "-cert",    certificate(), "-www"};
    words.insert(words.end(), options.begin(), options.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("no pipe");
    process_ = ::fork();
    if (process_ == 0) {
      ::dup2(ends[1], STDOUT_FILENO);
      ::execvp("openssl", arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    output_ = ::fdopen(ends[0], "r");
    read_port();
  }
  /// The server says "ACCEPT 127.0.0.1:PORT" when it is ready.
  void read_port() {
    char line[256];
    while (std::fgets(line, sizeof line, output_)) {
      const std::string text(line);
      const auto colon = text.rfind(':');
      if (text.starts_with("ACCEPT") && colon != std::string::npos) {
        port_ = text.substr(colon + 1, text.find_last_not_of("\r\n") - colon);
        return;
      }
    }
    throw std::runtime_error("openssl s_server did not start");
  }

  std::filesystem::path folder_;
  pid_t process_ = -1;
  std::FILE* output_ = nullptr;
  std::string port_;
};

http::failure failure_of(const std::string& url, const http::get_options& options) {
  try {
    http::get(url, options);
  } catch (const http::request_failed& error) {
    std::printf("  %s\n", error.what());
    return error.code();
  }
  ADD_FAILURE() << "there was an answer from " << url;
  return http::failure::other;
}

TEST(http_tls, an_unknown_authority_is_refused_and_a_given_one_is_trusted) {
  if (!have_openssl()) GTEST_SKIP() << "the program openssl is not installed";
  const tls_server server;
  EXPECT_EQ(failure_of(server.url(), {.timeout = 10s}), http::failure::tls);
  const auto answer = http::get(server.url(), {.ca_file = server.certificate(), .timeout = 10s});
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, testing::HasSubstr("TLSv1."));
}

TEST(http_tls, a_certificate_for_another_host_is_refused) {
  if (!have_openssl()) GTEST_SKIP() << "the program openssl is not installed";
  const tls_server server;
  EXPECT_EQ(failure_of(server.url("localhost"), {.ca_file = server.certificate(), .timeout = 10s}),
            http::failure::tls);
}

TEST(http_tls, versions_before_1_2_are_refused) {
  if (!have_openssl()) GTEST_SKIP() << "the program openssl is not installed";
  const tls_server server({"-tls1_1", "-cipher", "ALL:@SECLEVEL=0"});
  EXPECT_EQ(failure_of(server.url(), {.ca_file = server.certificate(), .timeout = 10s}),
            http::failure::tls);
}

}  // namespace
