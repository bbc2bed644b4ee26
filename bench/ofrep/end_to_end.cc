// SPDX-License-Identifier: Apache-2.0
#include "bench/ofrep/end_to_end.h"

#include "adapters/embedded/object_store.h"
#include "adapters/http/client.h"
#include "adapters/http/server.h"
#include "adapters/memory/object_store.h"
#include "adapters/ofrep/evaluation.h"
#include "adapters/ofrep/flag_table.h"
#include "adapters/ofrep/service.h"
#include "adapters/prometheus/metrics.h"
#include "adapters/yamldir/yaml_directory.h"
#include "bench/ofrep/flags.h"
#include "bench/ofrep/floors.h"
#include "bench/ofrep/load.h"
#include "controller/runtime/control_loop.h"
#include "controller/strategies/feature_flag.h"

#include <functional>
#include <thread>

#include <fmt/format.h>

namespace ripcord::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kChanges = 500;
constexpr int kFillers = 64;  // threads: a durable store writes those that wait in one go

class NoEvents final : public EventSink {
 public:
  void record(const Event&) override {}
};

int flag_of_round(int round) {
  return static_cast<int>(round * 7919LL % kFlags);
}

// What `ripcord run` puts together for flags, over one store.
class Pipeline {
 public:
  explicit Pipeline(ObjectStore& store) : store_(store) {
    const auto port = server_.listen("127.0.0.1:0", service_);
    if (!port) {
      give_up(port.error().message());
    }
    port_ = *port;
    endpoint_.emplace(*http_, fmt::format("http://127.0.0.1:{}", port_));
    strategy_.emplace(table_, *endpoint_, metrics_, clock_);
    reconciler_.emplace(store_, *strategy_, events_, metrics_, clock_);
    loop_.emplace(ControlLoopOptions{.kind = Kind::kFeatureFlag, .workers = kFillers}, store_,
                  *reconciler_, metrics_, clock_, Logger());
  }

  void start() {
    if (!strategy_->preload(store_)) {
      give_up("cannot preload the flags");
    }
    loop_->start();
  }
  bool served(const std::string& key, std::string_view value) const {
    const FlagAnswerPtr found = table_.find(key);
    return found != nullptr && found->value == value;
  }
  // The loop reported what was asked last.
  bool settled(const std::string& name) const {
    const auto object = store_.get({Kind::kFeatureFlag, "default", name});
    return object && common((*object)->status).observed_generation == (*object)->meta.generation;
  }
  // A hundred spread over all: each waited behind its neighbours.
  void wait_until_settled() const {
    for (int i = 0; i < kFlags; i += i < kFlags - 100 ? 100 : 1) {
      while (!settled(flag_name(i))) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }
  std::uint16_t port() const { return port_; }
  MetricSink& metrics() { return metrics_; }
  SystemClock& clock() { return clock_; }

 private:
  ObjectStore& store_;
  SystemClock clock_;
  NoEvents events_;
  prometheus_metrics::PrometheusMetrics metrics_;
  ofrep::FlagTable table_;
  ofrep::OfrepService service_{table_, metrics_};
  std::unique_ptr<HttpClient> http_ = http::make_http_client();
  std::optional<ofrep::OfrepEvaluation> endpoint_;
  std::optional<FeatureFlagStrategy> strategy_;
  std::optional<StrategyReconciler> reconciler_;
  std::optional<ControlLoop> loop_;
  http::HttpServer server_;
  std::uint16_t port_ = 0;
};

void fill(ObjectStore& store) {
  std::atomic<int> next{0};
  std::vector<std::jthread> fillers;
  for (int f = 0; f < kFillers; ++f) {
    fillers.emplace_back([&] {
      for (int i = next++; i < kFlags; i = next++) {
        if (!store.create(flag(i))) {
          give_up("cannot create a flag");
        }
      }
    });
  }
}

struct Change {
  std::string name;
  bool on = false;
};

struct Latencies {
  std::vector<double> in_table;
  std::vector<double> over_http;
  std::vector<double> floor;
};

// Changes one flag after another; `make` starts a change. Of the two changes of a flag one is
// watched in the table, the other one over HTTP, since each way to watch slows the other. The floor
// takes its turn after each.
Latencies watch_changes(const Pipeline& pipeline, const std::function<void(const Change&)>& make,
                        const std::function<double()>& floor) {
  Latencies found;
  Connection client(pipeline.port());
  for (int round = 0; round < 2 * kChanges; ++round) {
    const Change change{flag_name(flag_of_round(round / 2)), round % 2 != 0};
    const std::string request = evaluation_of(change.name);
    const std::string_view value = change.on ? "true" : "false";
    const std::string wanted = fmt::format("\"value\":{}", value);
    const bool by_http = (round / 2 + round) % 2 != 0;
    const auto start = Steady::now();
    make(change);
    if (by_http) {
      while (client.ask(request).find(wanted) == std::string::npos) {
      }
    } else {
      while (!pipeline.served(change.name, value)) {
      }
    }
    (by_http ? found.over_http : found.in_table).push_back(us_since(start));
    while (!pipeline.settled(change.name)) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    found.floor.push_back(floor());
  }
  return found;
}

void print(Latencies& found, std::string_view floor, const std::string& from,
           std::string_view in_table_aim, std::string_view over_http_aim) {
  row(fmt::format("floor: {}", floor), found.floor, &found.floor);
  row(fmt::format("{} -> evaluation table{}", from, in_table_aim), found.in_table, &found.floor);
  row(fmt::format("{} -> answer over OFREP{}", from, over_http_aim), found.over_http, &found.floor);
}

Latencies written_specs(ObjectStore& store, const std::function<double()>& floor) {
  fill(store);
  Pipeline pipeline(store);
  pipeline.start();
  pipeline.wait_until_settled();
  return watch_changes(
      pipeline,
      [&](const Change& change) {
        Resource object = **store.get({Kind::kFeatureFlag, "default", change.name});
        std::get<FeatureFlagSpec>(object.spec).enabled = change.on;
        if (!store.update(object)) {
          give_up("cannot update a flag");
        }
      },
      floor);
}

std::string manifest(const Change& change) {
  return fmt::format(
      "apiVersion: ripcord.dev/v1alpha1\nkind: FeatureFlag\nmetadata: {{name: {}}}\nspec:\n"
      "  enabled: {}\n  variants: {{\"on\": true, \"off\": false}}\n  defaultVariant: \"on\"\n"
      "  offVariant: \"off\"\n",
      change.name, change.on);
}

// The file holding a flag is saved as editors do: written beside it and renamed over it.
Latencies saved_files(ObjectStore& store, const fs::path& root, const std::string& store_name,
                      const std::function<double()>& floor) {
  fs::create_directories(root);
  for (int i = 0; i < kFlags; ++i) {
    overwrite(root / (flag_name(i) + ".yaml"), manifest({flag_name(i), true}));
  }
  Pipeline pipeline(store);
  yamldir::YamlDirectory source({.root = root.string()}, store, pipeline.metrics(),
                                pipeline.clock(), Logger());
  pipeline.start();
  const auto start = Steady::now();
  if (!source.start().ok() || !source.errors().empty()) {
    give_up("cannot take the directory in");
  }
  const double loaded = us_since(start);
  pipeline.wait_until_settled();
  fmt::print("{} files: in an empty {} store after {:.2f} s, each verified after {:.2f} s\n",
             kFlags, store_name, loaded / 1e6, us_since(start) / 1e6);
  return watch_changes(
      pipeline,
      [&](const Change& change) { save(root / (change.name + ".yaml"), manifest(change)); }, floor);
}

}  // namespace

void measure_end_to_end(const fs::path& directory) {
  const SystemClock clock;
  const auto open_embedded = [&](const std::string& name) {
    auto store = EmbeddedObjectStore::open({.directory = directory / name}, clock);
    if (!store) {
      give_up(store.error().message());
    }
    return *std::move(store);
  };
  HelloFloor hello;
  CommitFloor commit(directory / "floor.db");
  fs::create_directories(directory / "floor");
  FileFloor file(directory / "floor" / "x.yaml", manifest({"x", true}));
  const auto commits = [&] { return commit.commit(); };
  constexpr std::string_view kCommit = "one durable commit of a bare SQLite";
  {
    MemoryObjectStore memory(clock);
    Latencies found = written_specs(memory, [&] { return hello.round_trip(); });
    head(fmt::format("spec written to the store, {} flags", kFlags));
    print(found, "one HTTP round trip", "memory store", " (aim: p99 < 1)", "");
    const auto embedded = open_embedded("specs");
    found = written_specs(*embedded, commits);
    print(found, kCommit, "embedded store", "", "");
  }
  fmt::print("\n");
  MemoryObjectStore memory(clock);
  Latencies in_memory =
      saved_files(memory, directory / "memory", "memory", [&] { return file.reread(); });
  const auto embedded = open_embedded("files");
  Latencies durable = saved_files(*embedded, directory / "embedded", "embedded", commits);
  head(fmt::format("file saved (written beside, renamed over), {} flags", kFlags));
  print(in_memory, "inotify, read the file, seen over HTTP", "memory store", "", " (aim: p99 < 5)");
  print(durable, kCommit, "embedded store", "", "");
}

}  // namespace ripcord::bench
