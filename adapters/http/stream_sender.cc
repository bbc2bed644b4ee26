// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/stream_sender.h"

#include <exception>
#include <utility>

#include <fmt/format.h>

namespace ripcord::http {
namespace {

std::string framed(std::string piece, bool chunked) {
  return chunked ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece) : std::move(piece);
}

}  // namespace

void Delivery::ended(bool taken) {
  const MutexLock lock(mutex_);
  if (!taken_) {
    taken_ = taken;
    changed_.notify_all();
  }
}

bool Delivery::wait() {
  const MutexLock lock(mutex_);
  while (!taken_) {
    changed_.wait(mutex_);
  }
  return *taken_;
}

bool StreamSender::send(const Start& start, std::string text) {
  auto delivery = std::make_shared<Delivery>(std::move(text));
  {
    const MutexLock lock(mutex_);
    if (abandoned_) {
      return false;
    }
    under_way_ = delivery;
  }
  start.deliver(delivery);
  return delivery->wait();
}

// True when the body came to its end and the peer has all of it.
bool StreamSender::pump(const Start& start, const std::stop_token& stop) {
  if (!send(start, start.head)) {
    return false;
  }
  for (;;) {
    Result<std::string> piece = start.body->next(stop);
    if (!piece || (piece->empty() && stop.stop_requested())) {
      return !start.chunked || send(start, "0\r\n\r\n");
    }
    if (piece->empty()) {
      // A stream that returns at once with nothing must not become a busy loop.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    } else if (!send(start, framed(std::move(*piece), start.chunked))) {
      return false;
    }
  }
}

StreamSender::StreamSender(Start begin)
    : thread_([this, start = std::move(begin)](const std::stop_token& stop) mutable {
        bool proper = false;
        try {
          proper = pump(start, stop);
        } catch (const std::exception& e) {
          // The body breaks off without its last chunk: that is how the client learns of it.
          start.log.error("a stream broke off", {{"error", e.what()}});
        }
        start.body.reset();
        start.on_end(proper);
      }) {}

void StreamSender::request_stop() {
  thread_.request_stop();
}

void StreamSender::abandon() {
  const MutexLock lock(mutex_);
  abandoned_ = true;
  if (under_way_) {
    under_way_->ended(false);
  }
}

StreamSender::~StreamSender() = default;

}  // namespace ripcord::http
