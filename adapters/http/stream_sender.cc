// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/stream_sender.h"

#include <cerrno>
#include <exception>
#include <poll.h>
#include <sys/socket.h>
#include <utility>

#include <fmt/format.h>

namespace ripcord::http {
namespace {

using Steady = std::chrono::steady_clock;

// False when the peer is gone or took nothing for the limit.
bool send_all(int fd, std::string_view text, Duration stall_limit) {
  auto last_progress = Steady::now();
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
      last_progress = Steady::now();
      continue;
    }
    if (errno == EINTR) {
      continue;
    }
    if ((errno != EAGAIN && errno != EWOULDBLOCK) || Steady::now() - last_progress > stall_limit) {
      return false;
    }
    pollfd waiting{fd, POLLOUT, 0};
    (void)::poll(&waiting, 1, 100);
  }
  return true;
}

std::string framed(std::string piece, bool chunked) {
  return chunked ? fmt::format("{:x}\r\n{}\r\n", piece.size(), piece) : std::move(piece);
}

void pump(const StreamSender::Start& start, std::stop_token stop) {
  if (!send_all(start.fd, start.head, start.stall_limit)) {
    return;
  }
  for (;;) {
    Result<std::string> piece = start.body->next(stop);
    if (!piece || (piece->empty() && stop.stop_requested())) {
      break;
    }
    if (piece->empty()) {
      // A stream that returns at once with nothing must not become a busy loop.
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      continue;
    }
    if (!send_all(start.fd, framed(std::move(*piece), start.chunked), start.stall_limit)) {
      return;
    }
  }
  if (start.chunked) {
    (void)send_all(start.fd, "0\r\n\r\n", start.stall_limit);
  }
}

}  // namespace

StreamSender::StreamSender(Start start)
    : thread_([start = std::move(start)](std::stop_token stop) mutable {
        try {
          pump(start, std::move(stop));
        } catch (const std::exception& e) {
          start.log.error("a stream broke off", {{"error", e.what()}});
          // The body breaks off without its last chunk: that is how the client learns of it.
          (void)::shutdown(start.fd, SHUT_RDWR);
        }
        start.body.reset();
        start.on_end();
      }) {}

void StreamSender::request_stop() {
  thread_.request_stop();
}

StreamSender::~StreamSender() = default;

}  // namespace ripcord::http
