// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/cluster_client.h"

#include "adapters/kubernetes/request_metrics.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

std::string host_of(std::string_view server) {
  const std::string_view rest = server.substr(server.find("://") + 3);
  return std::string(rest.substr(0, rest.find('/')));
}

// Methods come from callers; a label has few values.
std::string_view method_label(std::string_view method) {
  for (const std::string_view known : {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"}) {
    if (method == known) {
      return known;
    }
  }
  return "OTHER";
}

std::string code_label(const Result<HttpResponse>& result) {
  return result ? std::to_string(result->status) : "<error>";
}

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == y; });
}

// The credentials were not taken: others may be.
bool refused(const Result<HttpResponse>& result) {
  return result ? result->status == 401 : result.error().reason() == kTlsFailed;
}

}  // namespace

// What a client and its unfenced twin share.
class ClusterClient::Link {
 public:
  Link(std::shared_ptr<Credentials> the_credentials, HttpClientFactory make_clients, Clock& a_clock,
       ClusterClientOptions the_options)
      : credentials(std::move(the_credentials)),
        clock(a_clock),
        options(std::move(the_options)),
        budget(options.retries),
        host_(host_of(credentials->access().server)),
        make_clients_(std::move(make_clients)) {}

  // The clients for these credentials. Those of before are kept when new certificates cannot be
  // used, such as a key that is not written yet; requests under way keep theirs.
  Result<std::shared_ptr<const HttpClients>> clients_for(const CredentialSet& credential) {
    const MutexLock lock(mutex_);
    if (clients_ && (credential.version <= version_ || credential.tls == tls_)) {
      return clients_;
    }
    Result<HttpClients> made = make_clients_(credential.tls);
    if (!made && !clients_) {
      return tl::unexpected<Status>(made.error().annotated(credentials->access().origin));
    }
    version_ = credential.version;
    if (!made) {
      options.log.warning("new certificates cannot be used; the last ones stay in force",
                          {{"error", made.error().message()}});
      return clients_;
    }
    tls_ = credential.tls;
    clients_ = std::make_shared<const HttpClients>(*std::move(made));
    return clients_;
  }

  Result<HttpRequest> addressed(const HttpRequest& request) const {
    const std::string& server = credentials->access().server;
    HttpRequest out = request;
    if (out.url.starts_with('/') && !out.url.starts_with("//")) {
      out.url = server + out.url;
    }
    const std::string_view path =
        std::string_view(out.url).substr(std::min(server.size(), out.url.size()));
    if (!out.url.starts_with(server) || (!path.empty() && path[0] != '/' && path[0] != '?')) {
      return error(
          StatusCode::kInvalidArgument,
          fmt::format("{} is no URL of {}: its credentials go nowhere else", request.url, server));
    }
    std::erase_if(out.headers, [](const auto& header) {
      return same_name(header.first, "authorization") || same_name(header.first, "user-agent");
    });
    out.headers["User-Agent"] = options.user_agent;
    return out;
  }

  void count(const HttpRequest& request, const std::string& code) const {
    if (options.metrics != nullptr) {
      options.metrics->add(metric::kRequests, {code, method_label(request.method), host_});
    }
  }
  void count_duration(const HttpRequest& request, Duration took) const {
    if (options.metrics != nullptr) {
      options.metrics->observe(metric::kRequestDuration, {method_label(request.method), host_},
                               to_seconds(took));
    }
  }
  void count_retry(const HttpRequest& request, const std::string& code) const {
    if (options.metrics != nullptr) {
      options.metrics->add(metric::kRequestRetries, {code, method_label(request.method), host_});
    }
  }

  const std::shared_ptr<Credentials> credentials;
  Clock& clock;
  const ClusterClientOptions options;
  RetryBudget budget;

 private:
  const std::string host_;
  const HttpClientFactory make_clients_;
  Mutex mutex_;
  std::shared_ptr<const HttpClients> clients_ GUARDED_BY(mutex_);
  TlsOptions tls_ GUARDED_BY(mutex_);
  std::uint64_t version_ GUARDED_BY(mutex_) = 0;
};

ClusterClient::ClusterClient(std::shared_ptr<Credentials> credentials,
                             HttpClientFactory make_clients, Clock& clock,
                             ClusterClientOptions options)
    : link_(
          std::make_shared<Link>(std::move(credentials), std::move(make_clients), clock, options)),
      fence_(options.fence) {}

ClusterClient::ClusterClient(std::shared_ptr<Link> link, const WriteFence* fence)
    : link_(std::move(link)), fence_(fence) {}

ClusterClient::~ClusterClient() = default;

const std::string& ClusterClient::server() const {
  return link_->credentials->access().server;
}

std::unique_ptr<ClusterClient> ClusterClient::unfenced() const {
  return std::unique_ptr<ClusterClient>(new ClusterClient(link_, nullptr));
}

Result<HttpResponse> ClusterClient::attempt(const HttpRequest& request, CredentialSetPtr& used,
                                            MonoTime end, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(used, link_->credentials->current(stop));
  ASSIGN_OR_RETURN(const auto clients, link_->clients_for(*used));
  HttpRequest out = request;
  if (!used->token.empty()) {
    out.headers["Authorization"] = "Bearer " + used->token;
  }
  const MonoTime start = link_->clock.now();
  out.timeout = end - start;
  if (out.timeout <= Duration::zero()) {
    return error(StatusCode::kDeadlineExceeded,
                 fmt::format("{} {}: no time left", request.method, request.url));
  }
  if (fence_ != nullptr && is_write(request)) {
    // Asked last, so that nothing slow stands between the answer and the sending.
    const Duration left = fence_->left();
    if (left <= Duration::zero()) {
      return error(StatusCode::kFailedPrecondition,
                   fmt::format("{} {}: not sent, this process is not the leader", request.method,
                               request.url),
                   "NotLeader");
    }
    out.timeout = std::min(out.timeout, left);
  }
  Result<HttpResponse> result = clients->requests->send(out, stop);
  link_->count(request, code_label(result));
  link_->count_duration(request, link_->clock.now() - start);
  return result;
}

Result<HttpResponse> ClusterClient::with_credentials(const HttpRequest& request, MonoTime end,
                                                     const std::stop_token& stop) {
  CredentialSetPtr used;
  Result<HttpResponse> result = attempt(request, used, end, stop);
  if (!refused(result) || used == nullptr) {
    return result;
  }
  const Result<bool> renewed = link_->credentials->renew(*used, stop);
  return renewed && *renewed ? attempt(request, used, end, stop) : result;
}

Result<HttpResponse> ClusterClient::send(const HttpRequest& request, std::stop_token stop) {
  ASSIGN_OR_RETURN(const HttpRequest out, link_->addressed(request));
  const MonoTime end = link_->clock.now() + request.timeout;
  link_->budget.count_request();
  for (int attempts = 1;; ++attempts) {
    Result<HttpResponse> result = with_credentials(out, end, stop);
    if (!may_retry(out, result)) {
      return result;
    }
    const std::optional<Duration> asked = result ? retry_after(*result) : std::nullopt;
    const std::optional<Duration> pause = link_->budget.take(attempts + 1, asked);
    if (!pause || link_->clock.now() + *pause >= end || !link_->clock.sleep_for(*pause, stop)) {
      return result;
    }
    link_->count_retry(out, code_label(result));
  }
}

Status ClusterClient::stream(const HttpRequest& request,
                             const std::function<void(std::string_view)>& sink,
                             HttpResponse& refusal, std::stop_token stop) {
  ASSIGN_OR_RETURN(const HttpRequest out, link_->addressed(request));
  for (bool first = true;; first = false) {
    ASSIGN_OR_RETURN(const CredentialSetPtr used, link_->credentials->current(stop));
    ASSIGN_OR_RETURN(const auto clients, link_->clients_for(*used));
    HttpRequest sent = out;
    if (!used->token.empty()) {
      sent.headers["Authorization"] = "Bearer " + used->token;
    }
    bool counted = false;
    const auto count = [&](const std::string& code) {
      if (!std::exchange(counted, true)) {
        link_->count(out, code);
      }
    };
    refusal = {};
    const Status ended = clients->streams->stream(
        sent,
        [&](std::string_view piece) {
          count("200");
          sink(piece);
        },
        refusal, stop);
    const bool delivered = counted;
    count(refusal.status != 0 ? std::to_string(refusal.status) : ended.ok() ? "200" : "<error>");
    if (delivered || !first || !(refusal.status == 401 || ended.reason() == kTlsFailed)) {
      return ended;
    }
    const Result<bool> renewed = link_->credentials->renew(*used, stop);
    if (!renewed || !*renewed) {
      return ended;
    }
  }
}

}  // namespace ripcord::kubernetes
