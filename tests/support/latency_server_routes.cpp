#include <event2/keyvalq_struct.h>
#include <sys/queue.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <optional>
#include <vector>

#include "latency_server_peer.hpp"

namespace filch::test {

namespace {

using std::chrono::milliseconds;

std::vector<std::string_view> split(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    path.remove_prefix(1);
    const auto end = std::min(path.find('/'), path.size());
    parts.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return parts;
}

/// The numbers after the path's first word; none if one of them is not a number in reason.
std::optional<std::vector<std::size_t>> numbers(const std::vector<std::string_view>& parts) {
  constexpr std::size_t most = std::size_t{1} << 30;
  std::vector<std::size_t> result;
  for (auto part = parts.begin() + 1; part != parts.end(); ++part) {
    std::size_t value = 0;
    const auto [end, error] = std::from_chars(part->data(), part->data() + part->size(), value);
    if (error != std::errc() || end != part->data() + part->size() || value > most) return {};
    result.push_back(value);
  }
  return result;
}

std::string gzipped_zeros(std::size_t size) {
  constexpr int gzip_format = 15 + 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, gzip_format, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::bad_alloc();
  }
  std::array<Bytef, 65536> zeros{};
  std::array<Bytef, 65536> packed;
  std::string result;
  for (bool last = false; !last;) {
    const auto part = std::min(size, zeros.size());
    size -= part;
    last = size == 0;
    stream.next_in = zeros.data();
    stream.avail_in = static_cast<uInt>(part);
    do {
      stream.next_out = packed.data();
      stream.avail_out = static_cast<uInt>(packed.size());
      deflate(&stream, last ? Z_FINISH : Z_NO_FLUSH);
      result.append(reinterpret_cast<const char*>(packed.data()), packed.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  }
  deflateEnd(&stream);
  return result;
}

std::string echoed_headers(evhttp_request* request) {
  std::string text;
  const evkeyvalq* headers = evhttp_request_get_input_headers(request);
  for (const evkeyval* entry = headers->tqh_first; entry; entry = entry->next.tqe_next) {
    text.append(entry->key).append(": ").append(entry->value).append("\n");
  }
  return text;
}

std::string to_json(const server_stats& stats) {
  return "{\"aborted\": " + std::to_string(stats.aborted) +
         ", \"dropped\": " + std::to_string(stats.dropped) +
         ", \"open\": " + std::to_string(stats.open) + ", \"peak\": " + std::to_string(stats.peak) +
         ", \"requests\": " + std::to_string(stats.requests) +
         ", \"served\": " + std::to_string(stats.served) + "}\n";
}

void redirect(peer& client, const std::string& target) {
  client.set_header("Location", target);
  client.answer(HTTP_MOVETEMP, "moved\n");
}

void redirect_to_query(peer& client, const evhttp_uri* uri) {
  evkeyvalq query{};
  const char* text = evhttp_uri_get_query(uri);
  evhttp_parse_query_str(text ? text : "", &query);
  const char* target = evhttp_find_header(&query, "url");
  if (target) {
    redirect(client, target);
  } else {
    client.answer(HTTP_BADREQUEST, "write /redirect-to?url=URL\n");
  }
  evhttp_clear_headers(&query);
}

/// The paths without numbers; false if `word` is none of them.
bool route_word(peer& client, std::string_view word, const evhttp_uri* uri,
                const server_stats& stats) {
  if (word == "hang") return true;
  if (word == "fail") {
    // Not here and now: evhttp is still in the middle of reading the request.
    client.after(milliseconds(0), [&client] { client.drop(); });
  } else if (word == "redirect-to") {
    redirect_to_query(client, uri);
  } else if (word == "headers") {
    client.answer(HTTP_OK, echoed_headers(client.request()));
  } else if (word == "stats") {
    client.answer(HTTP_OK, to_json(stats));
  } else {
    return false;
  }
  return true;
}

/// The paths with numbers; false if `word` is none of them or has another count of numbers.
bool route_numbers(peer& client, std::string_view word, const std::vector<std::size_t>& n) {
  const auto time = [&n](std::size_t i) { return milliseconds(n[i]); };
  if (word == "delay" && (n.size() == 1 || n.size() == 2)) {
    const std::size_t bytes = n.size() == 2 ? n[1] : 64;
    client.after(time(0), [&client, bytes] { client.answer(HTTP_OK, std::string(bytes, 'x')); });
  } else if (word == "number" && n.size() == 2) {
    client.after(time(0),
                 [&client, which = n[1]] { client.answer(HTTP_OK, std::to_string(which)); });
  } else if (word == "status" && n.size() == 2) {
    const auto status = static_cast<int>(n[0]);
    client.after(time(1), [&client, status] { client.answer(status, "as you wish\n"); });
  } else if (word == "reset" && n.size() == 1) {
    client.after(time(0), [&client] { client.reset(); });
  } else if (word == "drip" && n.size() == 2) {
    client.drip(time(0), n[1]);
  } else if (word == "redirect" && n.size() == 2) {
    const auto next = n[0] > 1 ? "/redirect/" + std::to_string(n[0] - 1) + "/" : "/delay/";
    redirect(client, next + std::to_string(n[1]));
  } else if (word == "gzip" && n.size() == 1) {
    client.set_header("Content-Encoding", "gzip");
    client.answer(HTTP_OK, gzipped_zeros(n[0]));
  } else {
    return false;
  }
  return true;
}

}  // namespace

void answer(peer& client, const server_stats& stats) {
  const evhttp_uri* uri = evhttp_request_get_evhttp_uri(client.request());
  const char* path = uri ? evhttp_uri_get_path(uri) : nullptr;
  const auto parts = split(path ? path : "");
  if (parts.empty()) return client.answer(HTTP_NOTFOUND, "no such path\n");
  if (parts.size() == 1 && route_word(client, parts[0], uri, stats)) return;
  const auto counts = numbers(parts);
  if (!counts) return client.answer(HTTP_BADREQUEST, "numbers, please\n");
  if (!route_numbers(client, parts[0], *counts)) client.answer(HTTP_NOTFOUND, "no such path\n");
}

}  // namespace filch::test
