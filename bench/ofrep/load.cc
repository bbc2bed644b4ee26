// SPDX-License-Identifier: Apache-2.0
#include "bench/ofrep/load.h"

#include "bench/ofrep/flags.h"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string_view>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ripcord::bench {
namespace {

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
    give_up("cannot connect");
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  return fd;
}

void send_all(int fd, const std::string& request) {
  if (::send(fd, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    give_up("cannot send");
  }
}

// Whether `text` is one whole answer with a Content-Length.
bool whole(std::string_view text) {
  const std::size_t end = text.find("\r\n\r\n");
  if (end == std::string_view::npos) {
    return false;
  }
  const std::size_t at = text.find("Content-Length: ");
  return text.size() >= end + 4 + std::strtoul(text.data() + at + 16, nullptr, 10);
}

struct Slot {
  int fd = -1;
  Steady::time_point sent;
  std::string received;
};

// False while the answer is not complete.
bool take_answer(Slot& slot) {
  char bytes[4096];
  const ssize_t n = ::recv(slot.fd, bytes, sizeof(bytes), 0);
  if (n <= 0) {
    give_up("the server closed the connection");
  }
  slot.received.append(bytes, static_cast<std::size_t>(n));
  if (!whole(slot.received)) {
    return false;
  }
  if (!slot.received.starts_with("HTTP/1.1 200")) {
    give_up(slot.received);
  }
  slot.received.clear();
  return true;
}

}  // namespace

Load run_load(std::uint16_t port, const std::string& request, int connections,
              std::chrono::milliseconds time) {
  std::vector<Slot> slots(static_cast<std::size_t>(connections));
  const int poller = ::epoll_create1(0);
  const auto start = Steady::now();
  for (std::size_t i = 0; i < slots.size(); ++i) {
    slots[i].fd = connect_to(port);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = i;
    ::epoll_ctl(poller, EPOLL_CTL_ADD, slots[i].fd, &event);
    slots[i].sent = Steady::now();
    send_all(slots[i].fd, request);
  }
  Load load;
  while (Steady::now() - start < time) {
    epoll_event events[64];
    const int ready = ::epoll_wait(poller, events, 64, 100);
    for (int i = 0; i < ready; ++i) {
      Slot& slot = slots[events[i].data.u64];
      if (take_answer(slot)) {
        const auto now = Steady::now();
        load.latencies_us.push_back(
            std::chrono::duration<double, std::micro>(now - slot.sent).count());
        slot.sent = now;
        send_all(slot.fd, request);
      }
    }
  }
  load.seconds = std::chrono::duration<double>(Steady::now() - start).count();
  for (const Slot& slot : slots) {
    ::close(slot.fd);
  }
  ::close(poller);
  return load;
}

Connection::Connection(std::uint16_t port) : fd_(connect_to(port)) {}
Connection::~Connection() {
  ::close(fd_);
}

std::string Connection::ask(const std::string& request) {
  send_all(fd_, request);
  std::string received;
  while (!whole(received)) {
    char bytes[4096];
    const ssize_t n = ::recv(fd_, bytes, sizeof(bytes), 0);
    if (n <= 0) {
      give_up("the server closed the connection");
    }
    received.append(bytes, static_cast<std::size_t>(n));
  }
  return received;
}

double quantile(std::vector<double>& values, double q) {
  if (values.empty()) {
    return 0;
  }
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(q * static_cast<double>(values.size() - 1))];
}

}  // namespace ripcord::bench
