// SPDX-License-Identifier: Apache-2.0
// bench_ofrep [DIRECTORY]: with 10,000 flags, how soon a changed spec and a saved file are served
// (files and the embedded store in a new folder of DIRECTORY), and how many single evaluations a
// second the endpoint gives, beside floors in the same run.

#include "adapters/http/client.h"
#include "adapters/http/server.h"
#include "adapters/ofrep/evaluation.h"
#include "adapters/ofrep/flag_table.h"
#include "adapters/ofrep/service.h"
#include "adapters/prometheus/metrics.h"
#include "bench/ofrep/end_to_end.h"
#include "bench/ofrep/flags.h"
#include "bench/ofrep/load.h"
#include "controller/strategies/feature_flag.h"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <thread>

#include <fmt/format.h>

namespace ripcord::bench {
namespace {

constexpr int kChanges = 1'000;
constexpr int kConnections = 32;
constexpr int kRounds = 6;
constexpr auto kRound = std::chrono::milliseconds(500);

class Hello final : public HttpService {
 public:
  ServedResponse serve(const ServedRequest&) override {
    ServedResponse response;
    response.body = "{\"hello\":\"world\"}";
    return response;
  }
};

// The table, with the moment of its last change.
class TimedTable final : public FlagServing {
 public:
  void set(FlagAnswerPtr answer) override {
    table.set(std::move(answer));
    changed = Steady::now();
  }
  void remove(const std::string& key) override { table.remove(key); }
  ofrep::FlagTable table;
  Steady::time_point changed;
};

Outcome converge(FeatureFlagStrategy& strategy, Resource& object) {
  const ReconcileRequest request{object.key(), "bench", {}, {}};
  Reconcile reconcile{object, request, [] { return ok_status(); }};
  return strategy.converge(reconcile);
}

// Every other change is a kill. The client asks without a pause until it gets the new value.
void changes(FeatureFlagStrategy& strategy, TimedTable& table, std::uint16_t port) {
  std::vector<double> in_table;
  std::vector<double> over_http;
  std::vector<double> verified;
  Connection client(port);
  for (int i = 0; i < kChanges; ++i) {
    Resource object = flag((i * 7919) % kFlags);
    converge(strategy, object);
    std::get<FeatureFlagSpec>(object.spec).enabled = false;
    ++object.meta.generation;
    const std::string request = evaluation_of(object.meta.name);
    const auto start = Steady::now();
    std::jthread worker([&] {
      converge(strategy, object);
      verified.push_back(us_since(start));
    });
    while (client.ask(request).find("\"value\":false") == std::string::npos) {
    }
    over_http.push_back(us_since(start));
    worker.join();
    in_table.push_back(us_since(start, table.changed));
  }
  head(fmt::format("the strategy alone, {} flags", kFlags));
  row("changed spec -> in the evaluation table", in_table);
  row("changed spec -> seen by a client over OFREP", over_http);
  row("changed spec -> verified by the strategy", verified);
}

void evaluations(std::uint16_t flags_port, std::uint16_t hello_port) {
  Load flags;
  Load hello;
  const auto add = [](Load& sum, Load part) {
    sum.seconds += part.seconds;
    std::copy(part.latencies_us.begin(), part.latencies_us.end(),
              std::back_inserter(sum.latencies_us));
  };
  for (int i = 0; i < kRounds; ++i) {  // in turns, so that both see the same machine
    add(hello, run_load(hello_port, post("/hello"), kConnections, kRound));
    add(flags, run_load(flags_port, evaluation_of(flag_name(i * 997)), kConnections, kRound));
  }
  std::cout << fmt::format(
      "{} keep-alive connections                   per second  p50 ms   p99 ms\n", kConnections);
  for (auto [name, load] : {std::pair("hello of the same server", &hello),
                            std::pair("OFREP single evaluation", &flags)}) {
    std::cout << fmt::format("{:<40} {:>12.0f} {:>8.3f} {:>8.3f}\n", name, load->per_second(),
                             quantile(load->latencies_us, 0.5) / 1000,
                             quantile(load->latencies_us, 0.99) / 1000);
  }
  std::cout << fmt::format("ratio {:.3f} (aim: at least 0.9)\n",
                           flags.per_second() / hello.per_second());
}

class ListedFlags final : public ObjectReader {
 public:
  ListedFlags() {
    for (int i = 0; i < kFlags; ++i) {
      list_.items.push_back(std::make_shared<const Resource>(flag(i)));
    }
  }
  Result<ResourcePtr> get(const ObjectKey&) const override {
    return error(StatusCode::kNotFound, "not listed");
  }
  Result<ObjectList> list(Kind, std::optional<std::string>) const override { return list_; }
  Result<std::unique_ptr<ObjectWatch>> watch(Kind, std::int64_t) const override {
    return error(StatusCode::kNotFound, "not watched");
  }

 private:
  ObjectList list_;
};

int run(const std::filesystem::path& parent) {
  SystemClock clock;
  prometheus_metrics::PrometheusMetrics metrics;
  TimedTable table;
  ofrep::OfrepService service(table.table, metrics);
  Hello hello;
  http::HttpServer server;
  const auto flags_port = server.listen("127.0.0.1:0", service);
  const auto hello_port = server.listen("127.0.0.1:0", hello);
  if (!flags_port || !hello_port) {
    std::cerr << "bench_ofrep: cannot listen on loopback\n";
    return 1;
  }
  const auto client = http::make_http_client();
  ofrep::OfrepEvaluation endpoint(*client, fmt::format("http://127.0.0.1:{}", *flags_port));
  FeatureFlagStrategy strategy(table, endpoint, metrics, clock);

  const ListedFlags listed;
  const auto start = Steady::now();
  (void)strategy.preload(listed);
  const double preloaded = us_since(start);
  for (int i = 0; i < kFlags; ++i) {
    Resource object = flag(i);
    converge(strategy, object);
  }
  std::cout << fmt::format(
      "start with {} flags: served after {:.0f} ms, each verified over HTTP after {:.1f} s\n\n",
      kFlags, preloaded / 1000, us_since(start) / 1e6);
  changes(strategy, table, *flags_port);
  std::cout << "\n";
  evaluations(*flags_port, *hello_port);
  server.stop();
  std::cout << std::endl;
  std::string directory = (parent / "bench-ofrep-XXXXXX").string();
  if (::mkdtemp(directory.data()) == nullptr) {
    give_up("cannot make a directory in " + parent.string());
  }
  measure_end_to_end(directory);
  std::filesystem::remove_all(directory);
  return 0;
}

}  // namespace
}  // namespace ripcord::bench

int main(int argc, char** argv) {
  return ripcord::bench::run(argc > 1 ? argv[1] : std::filesystem::temp_directory_path());
}
