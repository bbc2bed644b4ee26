// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/embedded_catalog.h"
#include "adapters/apiserver/event_ring.h"
#include "adapters/apiserver/resource_service.h"
#include "adapters/embedded/object_store.h"
#include "adapters/http/server.h"
#include "adapters/memory/object_store.h"
#include "adapters/prometheus/metrics.h"
#include "adapters/prometheus/service.h"
#include "adapters/yamldir/yaml_directory.h"
#include "controller/app/api_access.h"
#include "controller/app/commands.h"
#include "controller/app/controller.h"
#include "controller/app/health_service.h"
#include "controller/app/log_events.h"
#include "controller/app/real_world.h"

#include <iostream>
#include <unistd.h>

namespace ripcord::app {
namespace {

constexpr Duration kStopBound =
    std::chrono::seconds(25);  // the promise is 30 s for the whole process

bool is_off(const std::string& address) {
  return address == "0" || address.empty();
}

Result<std::unique_ptr<ObjectStore>> open_store(const RunOptions& options, const Clock& clock,
                                                const Logger& log) {
  if (options.data.empty()) {
    return std::make_unique<MemoryObjectStore>(clock);
  }
  ASSIGN_OR_RETURN(std::unique_ptr<EmbeddedObjectStore> store,
                   EmbeddedObjectStore::open({.directory = options.data, .logger = log}, clock));
  return store;
}

// Everything of a running controller but its object store; declared in the order of dependence,
// destroyed in reverse.
class Process {
 public:
  Process(const RunOptions& options, ObjectStore& store, SystemClock& clock, Logger log,
          codec::ApiCatalog catalog)
      : options_(options),
        clock_(clock),
        log_(std::move(log)),
        log_events_(log_),
        events_(clock, &log_events_),
        world_({.ofrep_server = "", .metrics = metrics_, .clock = clock, .log = log_}),
        controller_(world_.world(), {store, events_, metrics_, clock, log_},
                    {.resync = options.resync}),
        health_([this] { return controller_.health(); }, [this] { return source_health(); }),
        metrics_service_(metrics_, version()),
        resources_(store, clock, std::move(catalog), "v1.36.0+ripcord-" + version(), &events_) {
    for (const std::string& directory : options.manifests) {
      sources_.push_back(std::make_unique<yamldir::YamlDirectory>(
          yamldir::YamlDirectoryOptions{.root = directory}, store, metrics_, clock, log_));
    }
  }

  // The loops last, so that a port in use is told before anything real is touched. Flags are served
  // once all of them are known, those of the manifests included.
  Status start() {
    if (!is_off(options_.api_address)) {
      ASSIGN_OR_RETURN(const std::uint16_t port,
                       api_access_.serve(options_, resources_, clock_, log_, api_server_));
      log_.info("listening", {{"option", "--api-bind-address"}, {"port", std::to_string(port)}});
    }
    if (!is_off(options_.metrics_address)) {
      RETURN_IF_ERROR(serve(admin_server_, "--metrics-bind-address", options_.metrics_address,
                            metrics_service_));
    }
    for (const auto& source : sources_) {
      RETURN_IF_ERROR(source->start());
    }
    RETURN_IF_ERROR(controller_.preload_flags());
    const Result<std::uint16_t> flags = world_.serve_flags(flag_server_, options_.ofrep_address);
    if (!flags) {
      return flags.error().annotated("--ofrep-bind-address");
    }
    log_.info("listening", {{"option", "--ofrep-bind-address"}, {"port", std::to_string(*flags)}});
    controller_.start();
    if (!is_off(options_.health_address)) {
      RETURN_IF_ERROR(
          serve(admin_server_, "--health-probe-bind-address", options_.health_address, health_));
    }
    return ok_status();
  }

  // False when a reconcile is stuck.
  bool stop() {
    for (const auto& source : sources_) {
      source->stop();
    }
    const bool ended = controller_.stop(kStopBound);
    api_server_.stop();
    flag_server_.stop();
    admin_server_.stop();
    return ended;
  }

 private:
  std::vector<SourceHealth> source_health() const {
    std::vector<SourceHealth> all;
    for (const auto& source : sources_) {
      SourceHealth& health = all.emplace_back();
      health.name = "manifests " + source->root();
      for (const codec::ManifestError& error : source->errors()) {
        health.problems.push_back(to_string(error));
      }
    }
    return all;
  }
  Status serve(http::HttpServer& server, const std::string& option, const std::string& address,
               HttpService& service) {
    const Result<std::uint16_t> port = server.listen(address, service);
    if (!port) {
      return port.error().annotated(option);
    }
    log_.info("listening", {{"option", option}, {"port", std::to_string(*port)}});
    return ok_status();
  }

  const RunOptions& options_;
  const Clock& clock_;
  const Logger log_;
  prometheus_metrics::PrometheusMetrics metrics_;
  LogEvents log_events_;
  apiserver::EventRing events_;
  RealWorld world_;
  Controller controller_;
  HealthService health_;
  prometheus_metrics::MetricsService metrics_service_;
  apiserver::ResourceService resources_;
  ApiAccess api_access_;
  std::vector<std::unique_ptr<yamldir::YamlDirectory>> sources_;
  // A server each for what must not wait for the others: flags for writes to the store, and both
  // for a scrape.
  http::HttpServer flag_server_{{}, log_};
  http::HttpServer api_server_{{}, log_};
  http::HttpServer admin_server_{{}, log_};
};

}  // namespace

int run(const RunOptions& options, std::stop_token stop) {
  SystemClock clock;
  const std::unique_ptr<LogSink> sink =
      make_stream_sink(std::cerr, options.log_format, options.log_level, clock);
  const Logger log(*sink);
  if (options.cluster) {
    return run_on_cluster(options, std::move(stop), clock, log);
  }
  const auto refuse = [](const Status& status) {
    std::cerr << "ripcord: " << status.message() << "\n";
    return 1;
  };
  const Result<std::unique_ptr<ObjectStore>> store = open_store(options, clock, log);
  if (!store) {
    return refuse(store.error().annotated("--data " + options.data));
  }
  Result<codec::ApiCatalog> catalog = apiserver::embedded_catalog();
  if (!catalog) {
    return refuse(catalog.error());
  }
  Process process(options, **store, clock, log, *std::move(catalog));
  if (const Status started = process.start(); !started.ok()) {
    process.stop();
    return refuse(started);
  }
  log.info("started",
           {{"version", version()}, {"store", options.data.empty() ? "memory" : options.data}});
  while (clock.sleep_for(std::chrono::hours(1), stop)) {
  }
  log.info("stopping");
  if (!process.stop()) {
    // Every step is safe against this: the next start goes on where the real systems are.
    log.warning("a reconcile did not end in time; exiting without it");
    std::cerr << std::flush;
    _exit(0);
  }
  log.info("stopped");
  return 0;
}

std::string version() {
  return RIPCORD_VERSION;
}

}  // namespace ripcord::app
