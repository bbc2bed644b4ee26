// SPDX-License-Identifier: Apache-2.0
#pragma once
// The command line of `ripcord`, as values. Parsing prints help and errors itself.

#include "controller/base/clock.h"
#include "controller/base/log.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace ripcord::app {

// `ripcord run --kubeconfig FILE` or `--in-cluster`: desired state lives in an API server.
struct ClusterOptions {
  bool in_cluster = false;   // the pod's service account, nothing else
  std::string kubeconfig;    // this file alone
  std::string context;       // of the kubeconfig; empty: its current one
  bool leader_elect = true;  // false: this is the only replica
  std::string lease_ns;      // empty: the pod's own, or ripcord-system
  std::string lease_name = "ripcord-leader";
  Duration lease_duration = std::chrono::seconds(15);
  Duration renew_deadline = std::chrono::seconds(10);
  Duration lease_retry = std::chrono::seconds(2);
  std::string watch_ns;  // the only namespace to look after; empty: all
};

struct RunOptions {
  std::vector<std::string> manifests;  // directories that are watched
  std::string data;                    // directory of the object store; empty = in memory
  std::string metrics_address = ":8080";
  std::string health_address = ":8081";
  std::string api_address = "127.0.0.1:8082";
  std::string api_token_file;       // of the resource API; empty: no token is asked for
  std::string api_tls_certificate;  // PEM files; empty: no TLS
  std::string api_tls_key;
  std::string ofrep_address = ":8016";
  LogFormat log_format = LogFormat::kText;
  LogLevel log_level = LogLevel::kInfo;
  Duration resync = std::chrono::seconds(30);
  std::optional<ClusterOptions> cluster;  // instead of manifests, data and the API of our own
};

// `ripcord plan FILE...`
struct PlanOptions {
  std::vector<std::string> files;
  std::string ofrep_server = "http://127.0.0.1:8016";  // which flag values are served now
};

// `ripcord validate FILE...`
struct ValidateOptions {
  std::vector<std::string> files;
  bool lint = false;  // the files are SQL
  std::string output = "text";
  std::string engine = "postgresql";
  bool notes = false;
};

// `ripcord backup`
struct BackupOptions {
  std::string database;  // URL without a password, or path of an SQLite file; one of the three
  std::string database_env;
  std::string database_file;
  std::string catalog;
  std::string name;  // empty: database and time
  std::string format = "custom";
};

struct VersionOptions {};

using Options =
    std::variant<RunOptions, PlanOptions, ValidateOptions, BackupOptions, VersionOptions>;

// What to do, or the exit code when the command line already had its answer (help: 0, an error: 1).
std::variant<Options, int> parse_options(int argc, const char* const* argv);

}  // namespace ripcord::app
