// SPDX-License-Identifier: Apache-2.0
#include "controller/app/adapter.h"

#include "adapters/http/client.h"
#include "adapters/kubernetes/cluster_client.h"
#include "adapters/kubernetes/remote_object_store.h"
#include "adapters/simulation/shipped_world.h"
#include "adapters/stdio/session.h"
#include "controller/app/commands.h"
#include "controller/app/manifest_controller.h"
#include "controller/app/simulation_controller.h"
#include "controller/base/time_text.h"
#include "controller/codec/simulated_world.h"

#include <iostream>
#include <unistd.h>

namespace ripcord::app {
namespace {

constexpr Duration kStopBound = std::chrono::seconds(25);

int refuse(const Status& status) {
  std::cerr << "ripcord-adapter: " << status.message() << "\n";
  return 1;
}

// Answers until the input ends. Real work may take its time, so there a kill switch overtakes it;
// virtual work takes none, and its replies come in the order of the messages.
Status converse(ObjectStore& store, stdio::MessageSettings settings, bool concurrent,
                const Logger& log, std::stop_token stop) {
  SystemClock clock;
  settings.run_id = format_micro_time(clock.wall_now());
  stdio::MessageAdapter adapter(store, clock, std::move(settings));
  stdio::Session session(adapter, log, {.concurrent = concurrent});
  return session.run(STDIN_FILENO, STDOUT_FILENO, std::move(stop));
}

template <class Controller>
int converse_in_process(Controller& controller, bool concurrent, const Logger& log,
                        std::stop_token stop) {
  if (const Status started = controller.start(); !started.ok()) {
    controller.stop(kStopBound);
    return refuse(started);
  }
  const Status ended =
      converse(controller.store(), controller.message_settings(), concurrent, log, std::move(stop));
  if (!controller.stop(kStopBound)) {
    // Every step is safe against this: the next start goes on where the real systems are.
    log.warning("a step did not end in time; exiting without it");
    std::cerr << std::flush;
    ::_exit(ended.ok() ? 0 : 1);
  }
  return ended.ok() ? 0 : refuse(ended);
}

int simulate(const Logger& log, std::stop_token stop) {
  const auto world = codec::decode_simulated_world(simulation::shipped_world_yaml());
  if (!world) {
    return refuse(world.error());
  }
  SimulationController controller(*world, log);
  return converse_in_process(controller, false, log, std::move(stop));
}

int drive(const std::vector<std::string>& manifests, const Logger& log, std::stop_token stop) {
  SystemClock clock;
  ManifestController controller(manifests, clock, log);
  return converse_in_process(controller, true, log, std::move(stop));
}

int forward(ObjectStore& store, const std::string& option, const Logger& log,
            std::stop_token stop) {
  if (const auto reached = store.list(Kind::kMigrationVersion, std::nullopt); !reached) {
    return refuse(reached.error().annotated(option));
  }
  const Status ended = converse(store, {}, true, log, std::move(stop));
  return ended.ok() ? 0 : refuse(ended);
}

int forward_to(const std::string& server, const Logger& log, std::stop_token stop) {
  const auto client = http::make_http_client();
  const auto streams = http::make_http_stream_client();
  kubernetes::RemoteObjectStore store(*client, *streams, server);
  return forward(store, "--server " + server, log, std::move(stop));
}

int forward_by(const std::string& kubeconfig, const Logger& log, std::stop_token stop) {
  kubernetes::AccessOptions options;
  options.kubeconfig = kubeconfig;
  const auto access = kubernetes::find_cluster_access(options);
  if (!access) {
    return refuse(access.error().annotated("--kubeconfig"));
  }
  SystemClock clock;
  kubernetes::ClusterClient client(
      std::make_shared<kubernetes::Credentials>(*access, clock, nullptr), http::make_http_clients,
      clock, {.user_agent = "ripcord-adapter/" + version(), .log = log});
  kubernetes::RemoteObjectStore store(client, client, client.server());
  return forward(store, "--kubeconfig " + kubeconfig, log, std::move(stop));
}

}  // namespace

int run_adapter(const AdapterOptions& options, std::stop_token stop) {
  SystemClock clock;
  const std::unique_ptr<LogSink> sink =
      make_stream_sink(std::cerr, LogFormat::kText, options.log_level, clock);
  const Logger log(*sink);
  if (!options.server.empty()) {
    return forward_to(options.server, log, std::move(stop));
  }
  if (!options.kubeconfig.empty()) {
    return forward_by(options.kubeconfig, log, std::move(stop));
  }
  if (!options.manifests.empty()) {
    return drive(options.manifests, log, std::move(stop));
  }
  return simulate(log, std::move(stop));
}

}  // namespace ripcord::app
