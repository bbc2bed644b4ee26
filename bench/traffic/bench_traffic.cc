// SPDX-License-Identifier: Apache-2.0
// Blue-green switches on a real HAProxy under constant load: from the command to the verified end,
// beside the bare socket round trips of the same commands in the same run, and the requests lost.

#include "adapters/haproxy/haproxy_router.h"
#include "adapters/http/client.h"
#include "adapters/prober/http_probers.h"
#include "tests/support/traffic/haproxy_instance.h"
#include "tests/support/traffic/traffic_world.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr int kSwitches = 40;
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
  std::printf("%-58s %4zu %9.3f %9.3f %8.1f\n", what, samples.ms.size(), samples.at(0.5),
              samples.at(0.99), samples.at(0.5) / floor.at(0.5));
}

class Bench {
 public:
  int run();

 private:
  TrafficTargetSpec spec(const std::string& active, bool state_file) const;
  Samples bare();
  Samples applied(bool state_file);
  Samples switched(bool state_file);

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

// The two commands of a switch, nothing read back, nothing verified.
Samples Bench::bare() {
  Samples samples;
  for (int i = 0; i < kSwitches; ++i) {
    const MonoTime start = clock_.now();
    haproxy_.command(fmt::format("set server shop/{} state ready", i % 2 == 0 ? "g1" : "b1"));
    haproxy_.command(fmt::format("set server shop/{} state drain", i % 2 == 0 ? "b1" : "g1"));
    samples.ms.push_back(ms_since(start, clock_));
  }
  return samples;
}

Samples Bench::applied(bool state_file) {
  Samples samples;
  const auto router = routers_.open(spec("blue", state_file));
  for (int i = 0; i < kSwitches; ++i) {
    const MonoTime start = clock_.now();
    const Status done = (*router)->apply({{i % 2 == 0 ? "green" : "blue", 100}});
    samples.ms.push_back(ms_since(start, clock_));
    failed_ = failed_ || !done.ok();
  }
  return samples;
}

Samples Bench::switched(bool state_file) {
  Samples samples;
  for (int i = 0; i < kSwitches; ++i) {
    put_spec(store_, spec(i % 2 == 0 ? "green" : "blue", state_file));
    const Outcome outcome = loop_.settle();
    failed_ = failed_ || !std::holds_alternative<Done>(outcome);
    samples.ms.push_back(loop_.status().last_switch->duration_seconds * 1000);
  }
  return samples;
}

int Bench::run() {
  put_spec(store_, spec("blue", true));
  loop_.settle();
  SteadyLoad load(haproxy_.port(), kLoadThreads);
  const Samples floor = bare();
  const Samples apply = applied(false);
  const Samples apply_saved = applied(true);
  const Samples verified = switched(false);
  const Samples verified_saved = switched(true);
  load.stop();
  std::printf("traffic switch under load (%d kept connections, %ld requests)\n", kLoadThreads,
              static_cast<long>(load.answered()));
  std::printf("%-58s %4s %9s %9s %8s\n", "", "n", "p50 ms", "p99 ms", "x floor");
  row("floor: the same `set server` commands, bare socket", floor, floor);
  row("router: commands, each read back", apply, floor);
  row("router: and the state file saved and synced", apply_saved, floor);
  row("command to verified through the router", verified, floor);
  row("command to verified, state file saved and synced", verified_saved, floor);
  std::printf("requests lost over %d switches: %ld\n", 5 * kSwitches,
              static_cast<long>(load.lost()));
  return failed_ || load.lost() != 0 ? 1 : 0;
}

}  // namespace
}  // namespace ripcord

int main() {
  return ripcord::Bench().run();
}
