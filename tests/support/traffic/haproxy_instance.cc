// SPDX-License-Identifier: Apache-2.0
#include "tests/support/traffic/haproxy_instance.h"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <csignal>
#include <netinet/in.h>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::string_view kScript = R"(import http.server, os, sys, time
port, name, control, log = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4]
out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    disable_nagle_algorithm = True
    def do_GET(self):
        os.write(out, (self.path + "\n").encode())
        how = open(control).read()
        if how == "hang":
            time.sleep(30)
        bad = how == "fail" or (how == "sick" and self.path == "/healthz")
        body = name.encode()
        self.send_response(503 if bad else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
    def log_message(self, *args):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
Server(("127.0.0.1", port), Web).serve_forever()
)";

class Connection {
 public:
  ~Connection() { close(); }
  bool open(std::uint16_t port) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return ::connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  bool is_open() const { return fd_ >= 0; }
  void close() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
    fd_ = -1;
  }
  // The body of a complete 200, or nothing.
  std::string get() {
    constexpr std::string_view request = "GET / HTTP/1.1\r\nHost: load\r\n\r\n";
    if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) < 0) {
      return {};
    }
    std::string answer;
    std::array<char, 4096> buffer;
    for (;;) {
      const std::size_t head = answer.find("\r\n\r\n");
      if (head != std::string::npos) {
        const std::size_t at = answer.find("ontent-");
        const std::size_t length =
            at == std::string::npos ? 0 : std::stoul(answer.substr(answer.find(':', at) + 1));
        if (answer.size() >= head + 4 + length) {
          return answer.starts_with("HTTP/1.1 200") ? answer.substr(head + 4) : std::string();
        }
      }
      const ssize_t got = ::recv(fd_, buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        return {};
      }
      answer.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }

 private:
  int fd_ = -1;
};

bool accepts(std::uint16_t port) {
  Connection connection;
  return connection.open(port);
}

}  // namespace

WebBackend::WebBackend(const TempDir& dir, std::string name, std::uint16_t port)
    : name_(std::move(name)),
      port_(port),
      script_(dir / "backend.py"),
      control_(dir / (name_ + ".control")),
      log_(dir / (name_ + ".log")) {
  write_file(script_, std::string(kScript));
  write_file(log_, "");
  behave("ok");
  start();
}

void WebBackend::behave(const std::string& how) {
  write_file(control_ + ".new", how);
  std::filesystem::rename(control_ + ".new", control_);
}

std::size_t WebBackend::hits() const {
  const std::string log = read_file(log_);
  return static_cast<std::size_t>(std::ranges::count(log, '\n'));
}

std::size_t WebBackend::hits(const std::string& path) const {
  std::istringstream log(read_file(log_));
  std::size_t count = 0;
  for (std::string line; std::getline(log, line);) {
    count += line == path ? 1 : 0;
  }
  return count;
}

void WebBackend::start() {
  process_ = std::make_unique<ChildProcess>(ProcessOptions{
      {"python3", script_, std::to_string(port_), name_, control_, log_}, {}, {}, {}, false});
  if (!eventually([&] { return accepts(port_); })) {
    throw std::runtime_error("web backend did not start: " + process_->err());
  }
}

void WebBackend::stop() {
  process_.reset();
}

HaproxyInstance::HaproxyInstance(const TempDir& dir, std::vector<HaproxyServer> servers,
                                 bool with_state_file)
    : servers_(std::move(servers)),
      port_(free_port()),
      config_(dir / "haproxy.cfg"),
      socket_(dir / "admin.sock"),
      state_file_(with_state_file ? dir / "server-state" : std::string()) {
  std::string text = fmt::format("global\n  stats socket {} mode 600 level admin\n", socket_);
  if (with_state_file) {
    text += fmt::format("  server-state-file {}\n", state_file_);
  }
  text += fmt::format(
      "defaults\n  mode http\n  timeout connect 2s\n  timeout client 30s\n  timeout server 30s\n"
      "{}  option idle-close-on-response\n"
      "frontend web\n  bind 127.0.0.1:{}\n  default_backend shop\n"
      "backend shop\n",
      with_state_file ? "  load-server-state-from-file global\n" : "", port_);
  for (const HaproxyServer& server : servers_) {
    text += fmt::format("  server {} {} {}\n", server.name, server.address, server.options);
  }
  text += "backend other\n  server other1 127.0.0.1:1\n";
  write_file(config_, text);
  start();
}

HaproxyInstance::~HaproxyInstance() {
  stop();
}

void HaproxyInstance::start() {
  process_ = std::make_unique<ChildProcess>(
      ProcessOptions{{"haproxy", "-W", "-f", config_}, {}, {}, {}, false});
  if (!eventually([&] { return !worker_pid().empty() || !process_->running(); }) ||
      !process_->running()) {
    throw std::runtime_error("haproxy did not start: " + process_->err());
  }
}

void HaproxyInstance::stop() {
  if (process_) {
    process_->signal(SIGTERM);
    process_->wait();
  }
  process_.reset();
}

void HaproxyInstance::restart() {
  stop();
  start();
}

void HaproxyInstance::reload() {
  const std::string before = worker_pid();
  const auto reloaded = [&] {
    const std::string now = worker_pid();
    return !now.empty() && now != before;
  };
  // A busy master process of HAProxy 2.6 now and then sleeps over the signal: then it is sent
  // again.
  for (int attempt = 0; attempt < 5; ++attempt) {
    process_->signal(SIGUSR2);
    if (eventually(reloaded, std::chrono::seconds(6))) {
      return;
    }
  }
  throw std::runtime_error("haproxy did not reload: " + process_->err());
}

std::string HaproxyInstance::command(const std::string& text) const {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  socket_.copy(to.sun_path, sizeof to.sun_path - 1);
  std::string answer;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
      ::send(fd, (text + "\n").data(), text.size() + 1, MSG_NOSIGNAL) > 0) {
    std::array<char, 4096> buffer;
    for (ssize_t got = 0; (got = ::recv(fd, buffer.data(), buffer.size(), 0)) > 0;) {
      answer.append(buffer.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  return answer;
}

std::string HaproxyInstance::worker_pid() const {
  const std::string answer = command("show info");
  const std::size_t at = answer.find("\nPid: ");
  return at == std::string::npos ? "" : answer.substr(at + 6, answer.find('\n', at + 6) - at - 6);
}

std::vector<std::string> HaproxyInstance::servers() const {
  std::vector<std::string> lines;
  std::istringstream answer(command("show servers state shop"));
  for (std::string line; std::getline(answer, line);) {
    std::istringstream fields(line);
    std::vector<std::string> field;
    for (std::string each; fields >> each;) {
      field.push_back(each);
    }
    if (field.size() > 10 && field[0] != "#") {
      const int admin = std::stoi(field[6]);
      lines.push_back(fmt::format("{} {} {}", field[3],
                                  (admin & 0x23) != 0   ? "maint"
                                  : (admin & 0x18) != 0 ? "drain"
                                                        : "ready",
                                  field[7]));
    }
  }
  return lines;
}

std::string get_once(std::uint16_t port) {
  Connection connection;
  return connection.open(port) ? connection.get() : std::string();
}

SteadyLoad::SteadyLoad(std::uint16_t port, int threads)
    : port_(port), bodies_(static_cast<std::size_t>(threads)) {
  for (auto& bodies : bodies_) {
    threads_.emplace_back([this, &bodies](const std::stop_token& stop) { run(stop, bodies); });
  }
}

SteadyLoad::~SteadyLoad() {
  stop();
}

void SteadyLoad::stop() {
  for (auto& thread : threads_) {
    thread.request_stop();
  }
  threads_.clear();
}

std::int64_t SteadyLoad::answered_by(const std::string& name) const {
  std::int64_t count = 0;
  for (const auto& bodies : bodies_) {
    count += std::ranges::count(bodies, name);
  }
  return count;
}

void SteadyLoad::run(const std::stop_token& stop, std::vector<std::string>& bodies) {
  Connection connection;
  while (!stop.stop_requested()) {
    if (!connection.is_open() && !connection.open(port_)) {
      connection.close();
      ++lost_;
      continue;
    }
    std::string body = connection.get();
    if (body.empty()) {
      connection.close();
      ++lost_;
      continue;
    }
    ++answered_;
    bodies.push_back(std::move(body));
  }
}

}  // namespace ripcord
