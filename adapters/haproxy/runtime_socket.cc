// SPDX-License-Identifier: Apache-2.0
#include "adapters/haproxy/runtime_socket.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <poll.h>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord::haproxy {
namespace {

constexpr std::size_t kMaxAnswer = 16 * 1024 * 1024;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

Status failure(const std::string& path, int code) {
  const std::string field = fmt::format("spec.router.haproxy.socket: {}: ", path);
  switch (code) {
    case ENOENT:
      return {StatusCode::kUnavailable,
              field +
                  "no such socket; start HAProxy, or write the path of its `stats socket` line "
                  "here",
              "RouterUnavailable"};
    case ECONNREFUSED:
      return {StatusCode::kUnavailable, field + "nobody listens; HAProxy is not running, start it",
              "RouterUnavailable"};
    case EACCES:
    case EPERM:
      return {StatusCode::kPermissionDenied,
              field +
                  "permission denied; let Ripcord's user connect: `stats socket ... user ... group "
                  "... mode 660 level admin`",
              "RouterPermissionDenied"};
    case ETIMEDOUT:
      return {StatusCode::kUnavailable, field + "no answer in time; HAProxy is stopped or hangs",
              "RouterUnavailable"};
    default:
      return {StatusCode::kUnavailable, field + std::strerror(code), "RouterUnavailable"};
  }
}

using Deadline = std::chrono::steady_clock::time_point;

// 0, or the errno of what went wrong.
int wait_for(int fd, short events, Deadline deadline) {
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) {
      return ETIMEDOUT;
    }
    pollfd item{fd, events, 0};
    const int ready = ::poll(&item, 1, static_cast<int>(left.count()));
    if (ready > 0) {
      return 0;
    }
    if (ready < 0 && errno != EINTR) {
      return errno;
    }
  }
}

int connect_to(int fd, const sockaddr_un& address, Deadline deadline) {
  for (;;) {
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      return 0;
    }
    // A full backlog of a unix socket is EAGAIN, which poll() cannot wait for.
    if (errno != EAGAIN && errno != EINTR) {
      return errno;
    }
    if (std::chrono::steady_clock::now() >= deadline) {
      return ETIMEDOUT;
    }
    ::poll(nullptr, 0, 1);
  }
}

int send_all(int fd, std::string_view text, Deadline deadline) {
  while (!text.empty()) {
    const ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (const int failed = wait_for(fd, POLLOUT, deadline); failed != 0) {
        return failed;
      }
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

int read_all(int fd, std::string& answer, Deadline deadline) {
  std::array<char, 16384> buffer;
  for (;;) {
    const ssize_t got = ::recv(fd, buffer.data(), buffer.size(), 0);
    if (got == 0) {
      return 0;
    }
    if (got > 0) {
      answer.append(buffer.data(), static_cast<std::size_t>(got));
      if (answer.size() > kMaxAnswer) {
        return EMSGSIZE;
      }
    } else if (errno == EAGAIN) {
      if (const int failed = wait_for(fd, POLLIN, deadline); failed != 0) {
        return failed;
      }
    } else if (errno != EINTR) {
      return errno;
    }
  }
}

bool is_one_command(std::string_view command) {
  return !command.empty() && std::ranges::none_of(command, [](char c) {
    return c == ';' || c == '\\' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

std::optional<std::string> value_of(std::string_view answer, std::string_view key) {
  std::size_t at = 0;
  while (at < answer.size()) {
    const std::size_t end = std::min(answer.find('\n', at), answer.size());
    const std::string_view line = answer.substr(at, end - at);
    if (line.starts_with(key)) {
      return std::string(line.substr(key.size()));
    }
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> RuntimeSocket::send(const std::string& command) const {
  if (!is_one_command(command)) {
    return error(StatusCode::kInternal, fmt::format("not one HAProxy command: '{}'", command));
  }
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path_.empty() || path_.size() >= sizeof address.sun_path ||
      path_.find('\0') != std::string::npos) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("spec.router.haproxy.socket: '{}': a socket path has 1 to {} bytes",
                             path_, sizeof address.sun_path - 1));
  }
  path_.copy(address.sun_path, path_.size());
  const Descriptor fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) {
    return tl::unexpected(failure(path_, errno));
  }
  const Deadline deadline = std::chrono::steady_clock::now() + timeout_;
  std::string answer;
  int failed = connect_to(fd.get(), address, deadline);
  failed = failed != 0 ? failed : send_all(fd.get(), command + "\n", deadline);
  failed = failed != 0 ? failed : read_all(fd.get(), answer, deadline);
  if (failed != 0) {
    return tl::unexpected(failure(path_, failed));
  }
  while (answer.ends_with('\n')) {
    answer.pop_back();
  }
  return answer;
}

Result<std::string> read_incarnation(const RuntimeSocket& socket) {
  ASSIGN_OR_RETURN(const std::string answer, socket.send("show info"));
  const auto name = value_of(answer, "Name: ");
  const auto pid = value_of(answer, "Pid: ");
  const auto start = value_of(answer, "Start_time_sec: ");
  // "Name:" is the product's; distributions and `node` do not change it.
  if (!name || name->find("HAProxy") == std::string::npos || !pid) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("spec.router.haproxy.socket: {}: what listens there is not HAProxy's "
                             "Runtime API; write the path of its `stats socket` line here",
                             socket.path()),
                 "NotHaproxy");
  }
  return fmt::format("{}:{}", *pid, start.value_or("0"));
}

}  // namespace ripcord::haproxy
