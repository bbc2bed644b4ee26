// SPDX-License-Identifier: Apache-2.0
// ripcord-adapter: JSON messages on standard input, replies on standard output.
#include "adapters/simulation/shipped_world.h"
#include "adapters/stdio/session.h"
#include "controller/app/signals.h"
#include "controller/app/simulation_controller.h"
#include "controller/codec/simulated_world.h"

#include <iostream>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace {

using namespace ripcord;

constexpr Duration kStopBound = std::chrono::seconds(30);

struct AdapterOptions {
  std::string manifests;
  std::string server;
  bool verbose = false;
};

int fail(const Status& status) {
  fmt::print(stderr, "ripcord-adapter: {}\n", status.message());
  return 1;
}

// One controller that did not end in time must not be destroyed under its own feet.
int finish(bool stopped, const Status& ended) {
  if (!stopped) {
    fmt::print(stderr, "ripcord-adapter: a step did not end in time; it is safe to start again\n");
    std::cerr.flush();
    ::_exit(1);
  }
  return ended.ok() ? 0 : fail(ended);
}

int run_simulation(Logger log, std::stop_token stop) {
  const auto world = codec::decode_simulated_world(simulation::shipped_world_yaml());
  if (!world) {
    return fail(world.error());
  }
  app::SimulationController controller(*world, log);
  if (const Status started = controller.start(); !started.ok()) {
    return fail(started);
  }
  SystemClock clock;
  stdio::MessageAdapter adapter(controller.store(), clock, controller.message_settings());
  stdio::Session session(adapter, log, {});
  const Status ended = session.run(STDIN_FILENO, STDOUT_FILENO, stop);
  return finish(controller.stop(kStopBound), ended);
}

}  // namespace

int main(int argc, char** argv) {
  app::StopSignals signals;
  AdapterOptions options;
  CLI::App cli(
      "Reads one JSON message a line from standard input, changes desired state, and writes the "
      "reply\n"
      "to standard output when the change is verified. With no option it rehearses in a simulated "
      "world.",
      "ripcord-adapter");
  cli.add_flag("-v,--verbose", options.verbose, "Log what the controller does to standard error");
  try {
    cli.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return cli.exit(e) == 0 ? 0 : 1;
  }
  SystemClock clock;
  const auto sink = make_stream_sink(std::cerr, LogFormat::kText,
                                     options.verbose ? LogLevel::kInfo : LogLevel::kWarning, clock);
  return run_simulation(Logger(*sink), signals.token());
}
