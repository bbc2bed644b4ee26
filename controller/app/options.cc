// SPDX-License-Identifier: Apache-2.0
#include "controller/app/options.h"

#include "controller/app/commands.h"
#include "controller/app/log_level.h"
#include "controller/app/manifest_directory.h"
#include "controller/base/time_text.h"

#include <iostream>

#include <CLI/CLI.hpp>

namespace ripcord::app {
namespace {

constexpr const char* kAddress = "ADDRESS";

void add_cluster(CLI::App& run, ClusterOptions& options) {
  run.add_option("--kubeconfig", options.kubeconfig,
                 "Keep desired state in this API server, as CRDs (crds/)")
      ->type_name("FILE");
  run.add_option("--context", options.context,
                 "The same; by itself in $KUBECONFIG or ~/.kube/config")
      ->type_name("NAME");
  run.add_flag("--in-cluster", options.in_cluster, "The same with the pod's service account");
  run.add_flag("--leader-elect,!--no-leader-elect", options.leader_elect,
               "Only the holder of the Lease acts (default)");
  run.add_option("--lease-namespace", options.lease_ns,
                 "Of the Lease (default: the pod's, or ripcord-system)")
      ->type_name("NAME");
  run.add_option("--lease-name", options.lease_name, "Name of the Lease")
      ->type_name("NAME")
      ->capture_default_str();
  run.add_option("--watch-namespace", options.watch_ns,
                 "Look after this namespace alone (default: all)")
      ->type_name("NAME");
}

void add_run(CLI::App& app, RunOptions& options, std::string& resync, ClusterOptions& cluster) {
  CLI::App* run = app.add_subcommand(
      "run", "The controller: watches desired state and keeps the real systems there");
  run->add_option("--manifests", options.manifests,
                  "Directory of YAML to watch; may be given more than once")
      ->type_name("DIR")
      ->allow_extra_args(false)
      ->check(manifest_directory_problem);
  run->add_option("--data", options.data,
                  "Directory of the object store (default: in memory, lost at exit)")
      ->type_name("DIR");
  run->add_option("--metrics-bind-address", options.metrics_address, "/metrics; 0 = off")
      ->type_name(kAddress)
      ->capture_default_str();
  run->add_option("--health-probe-bind-address", options.health_address, "/livez, /readyz; 0 = off")
      ->type_name(kAddress)
      ->capture_default_str();
  run->add_option("--api-bind-address", options.api_address, "Resource API, loopback only; 0 = off")
      ->type_name(kAddress)
      ->capture_default_str();
  run->add_option("--ofrep-bind-address", options.ofrep_address, "Flag evaluation (OFREP)")
      ->type_name(kAddress)
      ->capture_default_str();
  run->add_option("--resync", resync, "How often actual state is asked for when nothing changes")
      ->type_name("DURATION")
      ->default_str("30s");
  run->add_option_function<std::string>(
         "--log-format",
         [&options](const std::string& format) {
           options.log_format = format == "json" ? LogFormat::kJson : LogFormat::kText;
         },
         "How log lines look on standard error")
      ->option_text("text|json (text)")
      ->check(CLI::IsMember({"text", "json"}));
  add_log_level(*run, options.log_level);
  add_cluster(*run, cluster);
}

bool on_cluster(const ClusterOptions& cluster) {
  return cluster.in_cluster || !cluster.kubeconfig.empty() || !cluster.context.empty();
}

// What the two homes of desired state do not share.
std::string contradiction(const RunOptions& run, const ClusterOptions& cluster) {
  if (cluster.in_cluster && !(cluster.kubeconfig.empty() && cluster.context.empty())) {
    return "--in-cluster is the pod's own access: leave --kubeconfig and --context out";
  }
  if (on_cluster(cluster) && (!run.manifests.empty() || !run.data.empty())) {
    return "--manifests and --data are for a Ripcord that keeps desired state itself; on a cluster "
           "the API server does: apply the manifests with kubectl";
  }
  return "";
}

void add_plan(CLI::App& app, PlanOptions& options) {
  CLI::App* plan =
      app.add_subcommand("plan",
                         "What applying these files would do to the real systems; touches nothing\n"
                         "Exit code: 0 nothing to do, 2 changes, 1 error");
  plan->add_option("FILE", options.files, "Manifest file or directory")->required()->type_name("");
  plan->add_option("--ofrep-server", options.ofrep_server, "Where flag values are served now")
      ->type_name("URL")
      ->capture_default_str();
}

void add_validate(CLI::App& app, ValidateOptions& options) {
  CLI::App* validate =
      app.add_subcommand("validate", "Checks files offline\nExit code: 0 all are valid, 1 not");
  validate->add_option("FILE", options.files, "Manifest file or directory")
      ->required()
      ->type_name("");
}

}  // namespace

std::variant<Options, int> parse_options(int argc, const char* const* argv) {
  CLI::App app(
      "Ripcord takes a bad release back: flags, traffic, schemas and data, fast, without losing "
      "data.",
      "ripcord");
  app.require_subcommand(1);
  app.set_version_flag("--version", "ripcord " + version());
  RunOptions run;
  PlanOptions plan;
  ValidateOptions validate;
  std::string resync = "30s";
  ClusterOptions cluster;
  add_run(app, run, resync, cluster);
  add_plan(app, plan);
  add_validate(app, validate);
  app.add_subcommand("version", "Prints the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 1;
  }
  if (app.got_subcommand("run")) {
    const Result<Duration> period = parse_duration(resync);
    if (!period || *period < std::chrono::seconds(1)) {
      std::cerr << "--resync: " << (period ? "must be at least 1s" : period.error().message())
                << "\n";
      return 1;
    }
    run.resync = *period;
    if (const std::string problem = contradiction(run, cluster); !problem.empty()) {
      std::cerr << problem << "\n";
      return 1;
    }
    if (on_cluster(cluster)) {
      run.cluster = cluster;
    }
    return Options(run);
  }
  if (app.got_subcommand("plan")) {
    return Options(plan);
  }
  return app.got_subcommand("validate") ? Options(validate) : Options(VersionOptions{});
}

}  // namespace ripcord::app
