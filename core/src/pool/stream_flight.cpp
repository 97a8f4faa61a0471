#include <filch/detail/stream_flight.hpp>

#include <algorithm>
#include <utility>

namespace filch {
inline namespace v0 {
namespace detail {

void stream_chain::push(stream_place& item) noexcept {
  item.next = nullptr;
  (last ? last->next : first) = &item;
  last = &item;
}

void stream_chain::push_front(stream_place& item) noexcept {
  item.next = first;
  first = &item;
  if (!last) last = &item;
}

stream_place* stream_chain::pop() noexcept {
  stream_place* item = first;
  if (!item) return nullptr;
  first = item->next;
  if (!first) last = nullptr;
  return item;
}

void stream_flight::line_up(stream_place& item, std::string key) {
  const auto [at, fresh] = lines_.try_emplace(std::move(key));
  if (fresh) at->second.key = &at->first;
  item.line = &at->second;
}

bool stream_flight::admit(stream_place& item) noexcept {
  stream_line& line = *item.line;
  if (running_ < limit_ && line.running < per_key_ && line.waiting.empty()) {
    let_go(item);
    return true;
  }
  line.waiting.push(item);
  if (line.running < per_key_) make_ready(line);
  return false;
}

stream_place* stream_flight::next() noexcept {
  if (!has_next()) return nullptr;
  stream_line& line = *ready_;
  ready_ = line.next;
  if (!ready_) last_ready_ = nullptr;
  line.ready = false;
  stream_place* const item = line.waiting.pop();
  let_go(*item);
  if (!line.waiting.empty() && line.running < per_key_) make_ready(line);
  return item;
}

void stream_flight::ended(stream_place& item, bool well) noexcept {
  stream_line& line = *item.line;
  count_out(item);
  if (!line.waiting.empty()) {
    make_ready(line);
  } else if (line.running == 0 && line.key) {
    lines_.erase(lines_.find(*line.key));
  }
  if (limit_ == most_ || !well || ++well_ < limit_) return;
  well_ = 0;
  ++limit_;
}

void stream_flight::put_back(stream_place& item) noexcept {
  if (item.launched_at == cuts_) {
    ++cuts_;
    well_ = 0;
    limit_ = std::max<std::size_t>(std::min(limit_, running_) / 2, 1);
  }
  count_out(item);
  item.launched = false;
  item.line->waiting.push_front(item);
  make_ready(*item.line);
}

void stream_flight::forget_waiting() noexcept {
  all_.waiting = {};
  for (auto& [key, line] : lines_) line.waiting = {};
  for (stream_line* line = ready_; line; line = line->next) line->ready = false;
  ready_ = last_ready_ = nullptr;
}

void stream_flight::let_go(stream_place& item) noexcept {
  ++running_;
  ++item.line->running;
  item.launched = true;
  item.launched_at = cuts_;
  alone_ = running_ == 1 ? &item : nullptr;
}

void stream_flight::count_out(stream_place& item) noexcept {
  --running_;
  --item.line->running;
}

void stream_flight::make_ready(stream_line& line) noexcept {
  if (line.ready) return;
  line.ready = true;
  line.next = nullptr;
  (last_ready_ ? last_ready_->next : ready_) = &line;
  last_ready_ = &line;
}

}  // namespace detail
}  // namespace v0
}  // namespace filch
