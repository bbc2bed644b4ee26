// SPDX-License-Identifier: Apache-2.0
#include "controller/app/manifest_controller.h"

#include "adapters/http/server.h"
#include "adapters/yamldir/yaml_directory.h"
#include "controller/app/log_events.h"
#include "controller/app/real_world.h"

namespace ripcord::app {
namespace {

// Flags are verified through an endpoint of this process that nobody else knows.
constexpr const char* kFlagAddress = "127.0.0.1:0";

}  // namespace

// Declared in the order in which they depend on each other; destroyed the other way round.
struct ManifestController::Parts {
  Parts(const std::vector<std::string>& directories, Clock& clock, const Logger& log)
      : store(clock),
        events(log),
        world({.ofrep_server = "", .metrics = metrics, .clock = clock, .log = log}),
        controller(world.world(), {store, events, metrics, clock, log}, {}),
        flag_server({}, log) {
    for (const std::string& directory : directories) {
      sources.push_back(std::make_unique<yamldir::YamlDirectory>(
          yamldir::YamlDirectoryOptions{.root = directory}, store, metrics, clock, log));
    }
  }

  MemoryObjectStore store;
  NullMetricSink metrics;
  LogEvents events;
  RealWorld world;
  Controller controller;
  http::HttpServer flag_server;
  std::vector<std::unique_ptr<yamldir::YamlDirectory>> sources;
};

ManifestController::ManifestController(const std::vector<std::string>& directories, Clock& clock,
                                       Logger log)
    : parts_(std::make_unique<Parts>(directories, clock, log)) {}

ManifestController::~ManifestController() = default;

ObjectStore& ManifestController::store() {
  return parts_->store;
}

stdio::MessageSettings ManifestController::message_settings() {
  stdio::MessageSettings out;
  out.schema_version = [this](const Resource& object) {
    return schema_version(parts_->world.world().schemas, object);
  };
  return out;
}

Status ManifestController::start() {
  const auto port = parts_->world.serve_flags(parts_->flag_server, kFlagAddress);
  if (!port) {
    return port.error();
  }
  for (const auto& source : parts_->sources) {
    // Whole before the first message is read; what is wrong with a file is logged and costs only
    // it.
    RETURN_IF_ERROR(source->start());
  }
  parts_->controller.start();
  return ok_status();
}

bool ManifestController::stop(Duration bound) {
  for (const auto& source : parts_->sources) {
    source->stop();
  }
  const bool ended = parts_->controller.stop(bound);
  parts_->flag_server.stop();
  return ended;
}

}  // namespace ripcord::app
