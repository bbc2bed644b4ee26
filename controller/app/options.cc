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

// Durations as they are written; read once all are there.
struct DurationTexts {
  std::string resync = "30s";
  std::string lease = "15s";
  std::string renew = "10s";
  std::string retry = "2s";
};

void add_cluster(CLI::App& run, ClusterOptions& options, DurationTexts& texts) {
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
  // Rarely set, so not in --help; docs/install.md has them.
  const std::string hidden;
  run.add_option("--leader-elect-lease-duration", texts.lease)->group(hidden);
  run.add_option("--leader-elect-renew-deadline", texts.renew)->group(hidden);
  run.add_option("--leader-elect-retry-period", texts.retry)->group(hidden);
  run.add_option("--watch-namespace", options.watch_ns,
                 "Look after this namespace alone (default: all)")
      ->type_name("NAME");
}

void add_run(CLI::App& app, RunOptions& options, DurationTexts& texts, ClusterOptions& cluster) {
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
  run->add_option("--api-bind-address", options.api_address, "Resource API; 0 = off")
      ->type_name(kAddress)
      ->capture_default_str();
  run->add_option("--api-token-file", options.api_token_file,
                  "Its tokens; needed beyond loopback, with "
                  "--api-tls-cert-file FILE --api-tls-private-key-file FILE")
      ->type_name("FILE");
  // Named in the line before; docs/api.md has them.
  const std::string hidden;
  run->add_option("--api-tls-cert-file", options.api_tls_certificate)->group(hidden);
  run->add_option("--api-tls-private-key-file", options.api_tls_key)->group(hidden);
  run->add_option("--ofrep-bind-address", options.ofrep_address, "Flag evaluation (OFREP)")
      ->type_name(kAddress)
      ->capture_default_str();
  run->add_option(
         "--resync", texts.resync,
         "How often actual state is asked for when nothing changes; 20 objects of a kind a "
         "second at most")
      ->type_name("DURATION")
      ->capture_default_str();
  run->add_option_function<std::string>(
         "--log-format",
         [&options](const std::string& format) {
           options.log_format = format == "json" ? LogFormat::kJson : LogFormat::kText;
         },
         "How log lines look on standard error")
      ->option_text("text|json (text)")
      ->check(CLI::IsMember({"text", "json"}));
  add_log_level(*run, options.log_level);
  add_cluster(*run, cluster, texts);
}

Status read_duration(const std::string& option, const std::string& text, Duration& into) {
  const Result<Duration> read = parse_duration(text);
  if (!read) {
    return read.error().annotated(option);
  }
  into = *read;
  return ok_status();
}

Status read_durations(const DurationTexts& texts, RunOptions& run, ClusterOptions& cluster) {
  RETURN_IF_ERROR(read_duration("--resync", texts.resync, run.resync));
  RETURN_IF_ERROR(
      read_duration("--leader-elect-lease-duration", texts.lease, cluster.lease_duration));
  RETURN_IF_ERROR(
      read_duration("--leader-elect-renew-deadline", texts.renew, cluster.renew_deadline));
  RETURN_IF_ERROR(read_duration("--leader-elect-retry-period", texts.retry, cluster.lease_retry));
  const auto wrong = [](std::string why) {
    return Status(StatusCode::kInvalidArgument, std::move(why));
  };
  if (run.resync < std::chrono::seconds(1)) {
    return wrong("--resync: must be at least 1s");
  }
  if (cluster.lease_duration % std::chrono::seconds(1) != Duration::zero()) {
    return wrong("--leader-elect-lease-duration: must be whole seconds, as a Lease has them");
  }
  if (cluster.lease_duration <= cluster.renew_deadline) {
    return wrong(
        "--leader-elect-lease-duration: must be longer than --leader-elect-renew-deadline, so that "
        "a leader stops before another begins");
  }
  if (cluster.lease_retry <= Duration::zero() ||
      cluster.renew_deadline * 10 <= cluster.lease_retry * 12) {
    return wrong(
        "--leader-elect-renew-deadline: must be longer than 1.2 times --leader-elect-retry-period, "
        "which must be positive, so that there is time for a second attempt");
  }
  return ok_status();
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
  CLI::App* validate = app.add_subcommand(
      "validate",
      "Checks files offline\nExit code: 0 all are valid, 1 not; with --lint 0 no finding, 2\n"
      "findings, 1 a file cannot be read");
  validate->add_option("FILE", options.files, "Manifest file or directory; with --lint of SQL")
      ->required()
      ->type_name("");
  validate->add_flag("--lint", options.lint, "Holds SQL against the rules of docs/sql-rules.md");
  validate->add_option("--output", options.output, "How findings look")
      ->option_text("text|sarif|github (text)")
      ->check(CLI::IsMember({"text", "sarif", "github"}));
  validate->add_option("--engine", options.engine, "Whose SQL it is")
      ->option_text("postgresql|sqlite (postgresql)")
      ->check(CLI::IsMember({"postgresql", "sqlite"}));
  validate->add_flag("--notes", options.notes, "Shows notes too");
}

void add_backup(CLI::App& app, BackupOptions& options) {
  CLI::App* backup = app.add_subcommand(
      "backup", "Takes a backup that a RestoreRequest can prove\nExit code: 0 it is there, 1 not");
  CLI::App* database = backup->add_option_group("database")->require_option(1);
  database
      ->add_option("--database", options.database,
                   "postgresql:// URL without a password, or an SQLite file")
      ->type_name("URL|FILE");
  database->add_option("--database-env", options.database_env, "Environment variable with the URL")
      ->type_name("NAME");
  database->add_option("--database-file", options.database_file, "File with the URL")
      ->type_name("FILE");
  backup->add_option("--catalog", options.catalog, "Directory that backups are in")
      ->required()
      ->type_name("DIR");
  backup->add_option("--name", options.name, "Name of the backup (default: database and time)")
      ->type_name("NAME");
  backup->add_option("--format", options.format, "Of a PostgreSQL backup")
      ->option_text("custom|directory (custom)")
      ->check(CLI::IsMember({"custom", "directory"}));
}

}  // namespace

std::variant<Options, int> parse_options(int argc, const char* const* argv) {
  CLI::App app(
      "Ripcord takes a bad release back: flags, traffic, schemas and data, fast, without losing "
      "data.",
      "ripcord");
  app.require_subcommand(1);
  app.get_formatter()->column_width(46);  // an option a line, so that the help fits a screen
  app.set_version_flag("--version", "ripcord " + version());
  RunOptions run;
  PlanOptions plan;
  ValidateOptions validate;
  BackupOptions backup;
  DurationTexts texts;
  ClusterOptions cluster;
  add_run(app, run, texts, cluster);
  add_plan(app, plan);
  add_validate(app, validate);
  add_backup(app, backup);
  app.add_subcommand("version", "Prints the version");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 1;
  }
  if (app.got_subcommand("run")) {
    if (const Status read = read_durations(texts, run, cluster); !read.ok()) {
      std::cerr << read.message() << "\n";
      return 1;
    }
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
  if (app.got_subcommand("backup")) {
    return Options(backup);
  }
  return app.got_subcommand("validate") ? Options(validate) : Options(VersionOptions{});
}

}  // namespace ripcord::app
