// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/exec_credential.h"

#include "adapters/kubernetes/text_file.h"
#include "controller/base/mutex.h"

#include <atomic>
#include <functional>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

// A stop of its own that also comes when the time is over.
class TimedStop {
 public:
  TimedStop(Duration timeout, std::stop_token stop)
      : outer_(std::move(stop), [this] { source_.request_stop(); }),
        thread_([this, timeout](const std::stop_token& ended) { watch(timeout, ended); }) {}
  std::stop_token token() const { return source_.get_token(); }
  bool timed_out() const { return timed_out_; }

 private:
  void watch(Duration timeout, const std::stop_token& ended) {
    const std::stop_callback wake(ended, [this] {
      const MutexLock lock(mutex_);
      changed_.notify_all();
    });
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    const MutexLock lock(mutex_);
    while (!ended.stop_requested()) {
      if (!changed_.wait_until(mutex_, deadline)) {
        timed_out_ = true;
        source_.request_stop();
        return;
      }
    }
  }

  std::stop_source source_;
  std::atomic<bool> timed_out_{false};
  Mutex mutex_;
  CondVar changed_;
  std::stop_callback<std::function<void()>> outer_;
  std::jthread thread_;
};

// The last line, without what could disturb a log.
std::string last_line(const std::string& text) {
  const std::string all = trimmed(text);
  std::string line = all.substr(all.rfind('\n') + 1).substr(0, 200);
  for (char& c : line) {
    c = static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  }
  return line;
}

Command command_of(const ClusterAccess& access, const std::string& ca_pem) {
  const codec::KubeExec& exec = *access.exec;
  Command command;
  command.argv = {exec.command};
  command.argv.insert(command.argv.end(), exec.args.begin(), exec.args.end());
  command.env = exec.env;
  std::optional<codec::ExecCluster> cluster;
  if (exec.provide_cluster_info) {
    cluster =
        codec::ExecCluster{access.server, access.server_name, access.insecure_skip_verify, ca_pem};
  }
  command.env.emplace_back("KUBERNETES_EXEC_INFO",
                           codec::encode_exec_info(exec.api_version, cluster));
  return command;
}

}  // namespace

Result<codec::ExecCredential> run_credential_plugin(CommandRunner& commands,
                                                    const ClusterAccess& access,
                                                    const std::string& ca_pem, Duration timeout,
                                                    std::stop_token stop) {
  const codec::KubeExec& exec = *access.exec;
  const auto failed = [&](StatusCode code, const std::string& why) {
    return error(code,
                 fmt::format("credential plugin '{}' of {}: {}", exec.command, access.origin, why),
                 "CredentialPlugin");
  };
  TimedStop limit(timeout, stop);
  const Result<CommandOutcome> outcome = commands.run(command_of(access, ca_pem), limit.token());
  if (!outcome && outcome.error().code() == StatusCode::kNotFound) {
    return failed(StatusCode::kFailedPrecondition,
                  exec.install_hint.empty() ? "there is no such program; install it"
                                            : "there is no such program. " + exec.install_hint);
  }
  if (!outcome && limit.timed_out() && !stop.stop_requested()) {
    return failed(StatusCode::kDeadlineExceeded,
                  fmt::format("did not end within {} s", to_seconds(timeout)));
  }
  if (!outcome) {
    return failed(outcome.error().code(), outcome.error().message());
  }
  if (outcome->exit_code != 0) {
    return failed(StatusCode::kUnavailable,
                  fmt::format("ended with {}: {}", outcome->exit_code, last_line(outcome->err)));
  }
  const Result<codec::ExecCredential> credential =
      codec::decode_exec_credential(outcome->out, exec.api_version);
  if (!credential) {
    return failed(StatusCode::kUnavailable, credential.error().message());
  }
  return credential;
}

}  // namespace ripcord::kubernetes
