// SPDX-License-Identifier: Apache-2.0
#pragma once
// What everybody talks to the API server through. It adds the credentials, has them renewed once
// when they are refused (401, TLS), sends again what the server is too busy for (within the
// request's own timeout and a common budget), counts, and keeps every write behind the fence.
// Thread-safe. The credentials go to this one server and show in no error, log or metric.

#include "adapters/kubernetes/credentials.h"
#include "adapters/kubernetes/retry_policy.h"
#include "adapters/kubernetes/write_fence.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/ports/http_clients.h"
#include "controller/ports/metrics.h"

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace ripcord::kubernetes {

struct ClusterClientOptions {
  std::string user_agent = "ripcord";  // "ripcord/1.2.3"
  const WriteFence* fence = nullptr;   // none: writes are not fenced
  MetricSink* metrics = nullptr;       // none: nothing is counted
  Logger log;
  RetryLimits retries;
};

class ClusterClient final : public HttpClient, public HttpStreamClient {
 public:
  // What the options point at, and `clock`, must outlive this and all that unfenced() gave.
  ClusterClient(std::shared_ptr<Credentials> credentials, HttpClientFactory make_clients,
                Clock& clock, ClusterClientOptions options = {});
  ~ClusterClient() override;

  // As the access says it: for those who put a server before a path.
  const std::string& server() const;

  // URLs are paths ("/api/v1/...") or start with server(); others are InvalidArgument. The errors
  // are those of the port; beside them FailedPrecondition (NotLeader): a write that the fence does
  // not let out, and what Credentials::current() says. A 401 or 503 that stays is a response.
  Result<HttpResponse> send(const HttpRequest& request, std::stop_token stop = {}) override;
  // Never retried, save once with renewed credentials. The fence does not hold reads.
  Status stream(const HttpRequest& request, const std::function<void(std::string_view)>& sink,
                HttpResponse& refused, std::stop_token stop) override;

  // The same server, credentials, connections and budget without the fence: for the lease itself.
  std::unique_ptr<ClusterClient> unfenced() const;

 private:
  class Link;
  ClusterClient(std::shared_ptr<Link> link, const WriteFence* fence);

  Result<HttpResponse> attempt(const HttpRequest& request, CredentialSetPtr& used, MonoTime end,
                               const std::stop_token& stop);
  Result<HttpResponse> with_credentials(const HttpRequest& request, MonoTime end,
                                        const std::stop_token& stop);

  std::shared_ptr<Link> link_;
  const WriteFence* fence_;
};

}  // namespace ripcord::kubernetes
