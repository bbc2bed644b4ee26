// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/session.h"

#include "adapters/stdio/lanes.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord::stdio {
namespace {

// Becomes readable when a stop is requested.
class StopSignal {
 public:
  explicit StopSignal(std::stop_token stop)
      : fd_(::eventfd(0, EFD_CLOEXEC)), wake_(std::move(stop), Wake{fd_}) {}
  ~StopSignal() { ::close(fd_); }
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  int fd() const { return fd_; }

 private:
  struct Wake {
    int fd;
    void operator()() const { ::eventfd_write(fd, 1); }
  };
  const int fd_;
  std::stop_callback<Wake> wake_;
};

Status broken(std::string_view what) {
  return {StatusCode::kUnavailable, fmt::format("{}: {}", what, std::strerror(errno))};
}

// The next bytes; empty at the end of the input or on a stop.
Result<std::string_view> read_some(int in, const StopSignal& stop, std::array<char, 65536>& space) {
  for (;;) {
    std::array<pollfd, 2> waits{pollfd{in, POLLIN, 0}, pollfd{stop.fd(), POLLIN, 0}};
    if (::poll(waits.data(), waits.size(), -1) < 0) {
      if (errno == EINTR) {
        continue;
      }
      return tl::unexpected(broken("cannot wait for input"));
    }
    if (waits[1].revents != 0) {
      return std::string_view();
    }
    const ssize_t got = ::read(in, space.data(), space.size());
    if (got >= 0) {
      return std::string_view(space.data(), static_cast<std::size_t>(got));
    }
    if (errno != EINTR && errno != EAGAIN) {
      return tl::unexpected(broken("cannot read input"));
    }
  }
}

}  // namespace

Status Session::run(int in, int out, std::stop_token stop) {
  {
    MutexLock lock(mutex_);
    out_ = out;
    written_ = ok_status();
  }
  const StopSignal stop_signal(stop);
  const auto reply = [this](const codec::Message& message, std::stop_token token) {
    return write_line(adapter_.answer(message, std::move(token)));
  };
  Lanes lanes(settings_.concurrent ? std::variant_size_v<codec::MessageRequest> : 0,
              [&](const codec::Message& m, std::stop_token token) {
                static_cast<void>(reply(m, std::move(token)));  // kept in written_
              });
  const std::stop_callback stop_lanes(stop, [&lanes] { lanes.request_stop(); });
  MessageScanner scanner;
  std::vector<Scanned> found;
  std::array<char, 65536> space{};
  bool ended = false;
  while (!ended && !stop.stop_requested()) {
    ASSIGN_OR_RETURN(const std::string_view input, read_some(in, stop_signal, space));
    ended = input.empty();
    found.clear();
    if (ended && !stop.stop_requested()) {
      scanner.finish(found);
    } else {
      scanner.feed(input, found);
    }
    for (const Scanned& scanned : found) {
      if (!scanned.problem.empty()) {
        report(scanned);
        continue;
      }
      Result<codec::Message> message = codec::decode_message(scanned.text);
      if (!message) {
        report({{}, "dropped a message that " + message.error().message(), scanned.line});
      } else if (settings_.concurrent && message->request &&
                 !std::holds_alternative<codec::InitMessage>(*message->request)) {
        const std::size_t lane = message->request->index();
        lanes.push(lane, *std::move(message));
      } else {
        RETURN_IF_ERROR(reply(*message, stop));
      }
    }
  }
  lanes.finish();
  MutexLock lock(mutex_);
  return written_;
}

Status Session::write_line(std::string line) {
  line += '\n';
  MutexLock lock(mutex_);
  std::string_view left = line;
  while (written_.ok() && !left.empty()) {
    const ssize_t done = ::write(out_, left.data(), left.size());
    if (done >= 0) {
      left.remove_prefix(static_cast<std::size_t>(done));
    } else if (errno != EINTR) {
      written_ = broken("cannot write a reply");
    }
  }
  return written_;
}

void Session::report(const Scanned& problem) const {
  log_.warning(problem.problem, {{"line", fmt::format("{}", problem.line)}});
}

}  // namespace ripcord::stdio
