// SPDX-License-Identifier: Apache-2.0
#include "adapters/memory/object_store.h"
#include "controller/app/commands.h"
#include "controller/app/controller.h"
#include "controller/app/log_events.h"
#include "controller/app/manifest_files.h"
#include "controller/app/real_world.h"

#include <iostream>

#include <fmt/format.h>

namespace ripcord::app {
namespace {

enum class Verdict { kNothing, kChange, kError };

void print_step(std::string_view lead, const PlannedStep& step) {
  std::cout << fmt::format("  {}{}  [{}]{}\n", lead, step.summary, to_string(step.effect),
                           step.phase.empty() ? "" : " " + step.phase);
  for (std::size_t i = 0; i < step.details.size(); ++i) {
    std::cout << "      " << step.details[i] << "\n";
    if (i < step.effects.size()) {
      std::cout << "          -> " << step.effects[i] << "\n";
    }
  }
  if (!step.note.empty()) {
    std::cout << "      (" << step.note << ")\n";
  }
}

void print(const ObjectKey& key, const Plan& plan) {
  if (plan.steps.empty() && !plan.hold) {
    std::cout << fmt::format("{}: nothing to do ({})\n", to_string(key), plan.to);
  } else {
    std::cout << fmt::format("{}: {} -> {}\n", to_string(key), plan.from, plan.to);
  }
  for (const PlannedStep& step : plan.steps) {
    print_step("", step);
  }
  if (plan.waits) {
    std::cout << fmt::format("  then held: {}: {}\n", plan.waits->reason, plan.waits->message);
  }
  for (const PlannedStep& step : plan.waiting) {
    print_step("waits: ", step);
  }
  for (const DataAtRisk& risk : plan.at_risk) {
    std::cout << fmt::format("  at risk: {}\n", describe(risk));
  }
  if (plan.hold) {
    std::cout << fmt::format("  held: {}: {}\n", plan.hold->reason, plan.hold->message);
  }
  for (const std::string& note : plan.notes) {
    std::cout << "  note: " << note << "\n";
  }
}

// What a person can do about a system that does not answer, where its own message cannot know.
std::string_view advice(Kind kind, const Status& error) {
  return kind == Kind::kFeatureFlag && error.code() == StatusCode::kUnavailable
             ? "; which values are served now is asked of a running ripcord: start it, or name its "
               "address with --ofrep-server"
             : "";
}

Verdict plan_one(Controller& controller, const codec::Manifest& manifest,
                 const std::stop_token& stop) {
  const ObjectKey key = manifest.object.key();
  if (suspended(manifest.object.spec)) {
    std::cout << fmt::format("{}: nothing to do (suspended)\n", to_string(key));
    return Verdict::kNothing;
  }
  const Result<Plan> plan = controller.plan(manifest.object, stop);
  if (!plan) {
    std::cerr << fmt::format("{}:{}: {}: {}{}\n", manifest.file, manifest.line, to_string(key),
                             plan.error().message(), advice(key.kind, plan.error()));
    return Verdict::kError;
  }
  print(key, *plan);
  if (!plan->steps.empty() || !plan->waiting.empty()) {
    return Verdict::kChange;
  }
  return plan->hold ? Verdict::kError : Verdict::kNothing;  // held, and no step could ever run
}

}  // namespace

int plan(const PlanOptions& options, std::stop_token stop) {
  const codec::ManifestFile read = read_manifest_files(options.files);
  for (const codec::ManifestError& error : read.errors) {
    std::cerr << to_string(error) << "\n";
  }
  SystemClock clock;
  LogEvents events{Logger()};
  NullMetricSink metrics;
  MemoryObjectStore store(clock);
  RealWorld world({.ofrep_server = options.ofrep_server, .metrics = metrics, .clock = clock});
  Controller controller(world.world(), {store, events, metrics, clock, Logger()}, {});
  int changes = 0, errors = static_cast<int>(read.errors.size());
  for (const codec::Manifest& manifest : read.manifests) {
    const Verdict verdict = plan_one(controller, manifest, stop);
    changes += verdict == Verdict::kChange;
    errors += verdict == Verdict::kError;
  }
  std::cout << fmt::format("{} objects, {} would change, {} errors\n", read.manifests.size(),
                           changes, errors);
  return errors > 0 ? 1 : changes > 0 ? 2 : 0;
}

}  // namespace ripcord::app
