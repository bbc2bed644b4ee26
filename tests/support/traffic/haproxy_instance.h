// SPDX-License-Identifier: Apache-2.0
#pragma once
// A private HAProxy in front of small web servers, and a steady load on it. Everything listens on
// free loopback ports, writes into one temporary directory and ends with its object. Failures to
// start abort the test with a message (std::runtime_error).

#include "tests/support/process.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace ripcord {

// A web server that answers every GET with its name, and keeps count.
class WebBackend {
 public:
  WebBackend(const TempDir& dir, std::string name, std::uint16_t port = free_port());

  const std::string& name() const { return name_; }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  std::uint16_t port() const { return port_; }
  // "ok", "fail" (503 for everything), "sick" (503 for /healthz only) or "hang" (no answer).
  void behave(const std::string& how);
  // Requests so far, and those for one path.
  std::size_t hits() const;
  std::size_t hits(const std::string& path) const;
  void start();
  void stop();

 private:
  std::string name_;
  std::uint16_t port_;
  std::string script_, control_, log_;
  std::unique_ptr<ChildProcess> process_;
};

struct HaproxyServer {
  std::string name;
  std::string address;
  std::string options;  // "weight 10 check"
};

// Master and worker, one frontend, one backend "shop".
class HaproxyInstance {
 public:
  HaproxyInstance(const TempDir& dir, std::vector<HaproxyServer> servers,
                  bool with_state_file = true);
  ~HaproxyInstance();

  const std::string& socket() const { return socket_; }
  const std::string& state_file() const { return state_file_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/"; }
  std::uint16_t port() const { return port_; }
  void start();
  void stop();  // at once, as by kill
  void restart();
  void reload();  // a new worker; returns when it answers
  // One Runtime API command, spoken without the adapter.
  std::string command(const std::string& text) const;
  // "blue1 ready 256": one line a server, in configuration order.
  std::vector<std::string> servers() const;

 private:
  std::string worker_pid() const;

  std::vector<HaproxyServer> servers_;
  std::uint16_t port_;
  std::string config_, socket_, state_file_;
  std::unique_ptr<ChildProcess> process_;
};

// One GET over a connection of its own: the body of a complete 200, or nothing.
std::string get_once(std::uint16_t port);

// GETs over kept connections from several threads until it ends. Anything but a complete 200 is
// lost.
class SteadyLoad {
 public:
  SteadyLoad(std::uint16_t port, int threads);
  ~SteadyLoad();
  SteadyLoad(const SteadyLoad&) = delete;
  SteadyLoad& operator=(const SteadyLoad&) = delete;

  std::int64_t answered() const { return answered_; }
  std::int64_t lost() const { return lost_; }
  // Answers by the name that answered; call it after stop().
  std::int64_t answered_by(const std::string& name) const;
  void stop();

 private:
  void run(const std::stop_token& stop, std::vector<std::string>& bodies);

  std::uint16_t port_;
  std::atomic<std::int64_t> answered_{0};
  std::atomic<std::int64_t> lost_{0};
  std::vector<std::vector<std::string>> bodies_;
  std::vector<std::jthread> threads_;
};

}  // namespace ripcord
