// SPDX-License-Identifier: Apache-2.0
// Blue-green switches on a real HAProxy under constant load: from the command to the verified end,
// beside the bare socket round trips of the same commands in the same run, and the requests lost.

#include "adapters/haproxy/haproxy_router.h"
#include "adapters/http/client.h"
#include "adapters/prober/http_probers.h"
#include "tests/support/traffic/haproxy_instance.h"
#include "tests/support/traffic/traffic_world.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr int kRounds = 25;  // of every kind in turn, there and back
constexpr int kLoadThreads = 4;

struct Samples {
  std::vector<double> ms;

  double at(double quantile) const {
    std::vector<double> sorted = ms;
    std::ranges::sort(sorted);
    const auto index = static_cast<std::size_t>(quantile * static_cast<double>(sorted.size() - 1));
    return sorted.at(index);
  }
};

double ms_since(MonoTime start, const Clock& clock) {
  return to_seconds(clock.now() - start) * 1000;
}

void row(const char* what, const Samples& samples, const Samples& floor) {
  std::printf("%-60s %4zu %9.3f %9.3f %8.1f\n", what, samples.ms.size(), samples.at(0.5),
              samples.at(0.99), samples.at(0.5) / floor.at(0.5));
}

class Bench {
 public:
  int run();

 private:
  TrafficTargetSpec spec(const std::string& active, bool state_file) const;
  // Each goes to green and back to blue.
  void bare(Samples& samples, bool with_request);
  void applied(Samples& samples, bool state_file);
  void switched(Samples& samples, bool state_file);
  void print() const;

  SystemClock clock_;
  TempDir dir_;
  WebBackend blue_{dir_, "blue"};
  WebBackend green_{dir_, "green"};
  HaproxyInstance haproxy_{dir_, {{"b1", blue_.address(), ""}, {"g1", green_.address(), ""}}};
  MemoryObjectStore store_{clock_};
  haproxy::HaproxyRouters routers_;
  std::unique_ptr<HttpClient> http_ = http::make_http_client();
  HttpProbers probers_{*http_, clock_};
  TrafficLoop loop_{store_, routers_, probers_, clock_};
  bool failed_ = false;
  Samples floor_, floor_get_, apply_, apply_saved_, verified_, verified_saved_;
};

TrafficTargetSpec Bench::spec(const std::string& active, bool state_file) const {
  TrafficTargetSpec spec;
  spec.environments = {{"blue", {blue_.address()}, {}}, {"green", {green_.address()}, {}}};
  spec.active = active;
  spec.router.haproxy =
      HaproxyRouter{haproxy_.socket(), "shop", state_file ? haproxy_.state_file() : std::string()};
  spec.verification.url = haproxy_.url();
  spec.verification.window = std::chrono::milliseconds(100);
  return spec;
}

constexpr std::array<const char*, 2> kSides = {"green", "blue"};

// The two commands of a switch, nothing read back.
void Bench::bare(Samples& samples, bool with_request) {
  for (const std::string to : kSides) {
    const MonoTime start = clock_.now();
    haproxy_.command(fmt::format("set server shop/{} state ready", to == "green" ? "g1" : "b1"));
    haproxy_.command(fmt::format("set server shop/{} state drain", to == "green" ? "b1" : "g1"));
    if (with_request) {
      failed_ = failed_ || get_once(haproxy_.port()) != to;
    }
    samples.ms.push_back(ms_since(start, clock_));
  }
}

void Bench::applied(Samples& samples, bool state_file) {
  const auto router = routers_.open(spec("blue", state_file));
  for (const std::string to : kSides) {
    const MonoTime start = clock_.now();
    const Status done = (*router)->apply({{to, 100}});
    samples.ms.push_back(ms_since(start, clock_));
    failed_ = failed_ || !done.ok();
  }
}

void Bench::switched(Samples& samples, bool state_file) {
  for (const std::string to : kSides) {
    put_spec(store_, spec(to, state_file));
    const Outcome outcome = loop_.settle();
    failed_ = failed_ || !std::holds_alternative<Done>(outcome);
    samples.ms.push_back(loop_.status().last_switch->duration_seconds * 1000);
  }
}

void Bench::print() const {
  std::printf("%-60s %4s %9s %9s %8s\n", "", "n", "p50 ms", "p99 ms", "x floor");
  row("floor: the same `set server` commands, bare socket", floor_, floor_);
  row("router: each command read back", apply_, floor_);
  row("router: and the state file saved and synced", apply_saved_, floor_);
  row("floor: the commands and one request, bare sockets", floor_get_, floor_get_);
  row("command to verified through the router", verified_, floor_get_);
  row("command to verified, state file saved and synced", verified_saved_, floor_get_);
}

int Bench::run() {
  put_spec(store_, spec("blue", true));
  loop_.settle();
  SteadyLoad load(haproxy_.port(), kLoadThreads);
  eventually([&] { return load.answered() > 1000; });
  for (int i = 0; i < kRounds; ++i) {
    bare(floor_, false);
    applied(apply_, false);
    applied(apply_saved_, true);
    bare(floor_get_, true);
    switched(verified_, false);
    switched(verified_saved_, true);
  }
  load.stop();
  std::printf("blue-green switch of a real HAProxy, %d kept connections, %ld requests\n",
              kLoadThreads, static_cast<long>(load.answered()));
  print();
  std::printf("requests lost over %d switches: %ld\n", 12 * kRounds,
              static_cast<long>(load.lost()));
  return failed_ || load.lost() != 0 ? 1 : 0;
}

}  // namespace
}  // namespace ripcord

int main() {
  return ripcord::Bench().run();
}
