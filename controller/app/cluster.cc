// SPDX-License-Identifier: Apache-2.0
#include "controller/app/cluster.h"

#include "adapters/http/client.h"
#include "adapters/kubernetes/in_cluster.h"
#include "controller/app/commands.h"
#include "controller/ports/object_rules.h"

#include <array>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord::app {
namespace {

constexpr const char* kDefaultLeaseNamespace = "ripcord-system";

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "ripcord";
}

Result<kubernetes::ClusterAccess> find_access(const ClusterOptions& options) {
  kubernetes::AccessOptions access = kubernetes::access_options_of_environment();
  if (options.in_cluster) {
    return kubernetes::in_cluster_access(access.service_host, access.service_port,
                                         access.service_account);
  }
  access.kubeconfig = options.kubeconfig;
  access.context = options.context;
  return kubernetes::find_cluster_access(access);
}

std::string lease_namespace(const ClusterOptions& options,
                            const kubernetes::ClusterAccess& access) {
  if (!options.lease_ns.empty()) {
    return options.lease_ns;
  }
  return options.in_cluster && !access.ns.empty() ? access.ns : kDefaultLeaseNamespace;
}

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::connect(const ClusterOptions& options, Clock& clock,
                                                  MetricSink& metrics, const Logger& log) {
  ASSIGN_OR_RETURN(kubernetes::ClusterAccess access, find_access(options));
  log.info("API server", {{"server", access.server}, {"from", access.origin}});
  return std::unique_ptr<Cluster>(new Cluster(std::move(access), options, clock, metrics, log));
}

Cluster::Cluster(kubernetes::ClusterAccess access, const ClusterOptions& options, Clock& clock,
                 MetricSink& metrics, const Logger& log)
    : identity_(fmt::format("{}_{}", host_name(), new_uid())),
      client_(std::make_shared<kubernetes::Credentials>(access, clock, &commands_, log),
              [](const TlsOptions& tls) { return http::make_http_clients(tls); }, clock,
              {.user_agent = "ripcord/" + version(),
               .fence = &fence_,
               .metrics = &metrics,
               .log = log}),
      unfenced_(client_.unfenced()),
      events_(client_, {.server = client_.server(), .instance = identity_}, clock, metrics, log),
      store_(client_, client_, {.server = client_.server(), .ns = options.watch_ns}, clock, metrics,
             log) {
  if (options.leader_elect) {
    kubernetes::LeaderElectorOptions election;
    election.server = client_.server();
    election.ns = lease_namespace(options, access);
    election.name = options.lease_name;
    election.identity = identity_;
    election.lease = options.lease_duration;
    election.renew_deadline = options.renew_deadline;
    election.retry = options.lease_retry;
    elector_.emplace(*unfenced_, std::move(election), clock, metrics, log);
    fence_.use(*elector_);
  }
}

void Cluster::start() {
  if (elector_) {
    elector_->start();
  }
}

bool Cluster::await_leading(const std::stop_token& stop) {
  return elector_ ? elector_->await_leading(stop) : !stop.stop_requested();
}

void Cluster::await_loss(const std::stop_token& stop) {
  if (elector_) {
    elector_->await_loss(stop);
    return;
  }
  SystemClock clock;
  while (clock.sleep_for(std::chrono::hours(1), stop)) {
  }
}

void Cluster::release() {
  if (elector_) {
    elector_->release();
  }
}

std::string Cluster::leader() const {
  return elector_ ? elector_->holder() : identity_;
}

}  // namespace ripcord::app
