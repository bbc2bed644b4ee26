// SPDX-License-Identifier: Apache-2.0
// Boost 1.74 uses std::exchange without including it.
#include <utility>
//
#include "adapters/http/address.h"
#include "adapters/http/listener.h"
#include "adapters/http/server.h"

#include <algorithm>
#include <thread>
#include <vector>

namespace ripcord::http {
namespace {

constexpr auto kSweepPeriod = std::chrono::milliseconds(200);
constexpr auto kDrainTime = std::chrono::seconds(5);

void sweep_later(Lane& lane) {
  lane.sweep.expires_after(kSweepPeriod);
  lane.sweep.async_wait([&lane](const error_code& failed) {
    if (failed) {
      return;
    }
    const auto now = Steady::now();
    const std::vector<std::shared_ptr<Session>> all(lane.sessions.begin(), lane.sessions.end());
    for (const auto& session : all) {
      session->close_if_due(now);
    }
    sweep_later(lane);
  });
}

Result<std::vector<Tcp::endpoint>> candidates(asio::io_context& io, const BindAddress& address) {
  if (address.host.empty()) {
    return std::vector<Tcp::endpoint>{{asio::ip::address_v6::any(), address.port},
                                      {asio::ip::address_v4::any(), address.port}};
  }
  error_code failed;
  if (const auto ip = asio::ip::make_address(address.host, failed); !failed) {
    return std::vector<Tcp::endpoint>{{ip, address.port}};
  }
  std::vector<Tcp::endpoint> found;
  for (const auto& entry :
       Tcp::resolver(io).resolve(address.host, std::to_string(address.port), failed)) {
    found.push_back(entry.endpoint());
  }
  if (found.empty()) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("no such host to listen on: '{}'; write an address of this machine, "
                             "for example 127.0.0.1:8082",
                             address.host));
  }
  return found;
}

Status bind_failure(const std::string& address, const error_code& failed) {
  if (failed == asio::error::address_in_use) {
    return {StatusCode::kFailedPrecondition,
            fmt::format("cannot listen on {}: another process has this port; stop it, or choose "
                        "another address with the --...-bind-address option",
                        address),
            "AddressInUse"};
  }
  return {StatusCode::kFailedPrecondition,
          fmt::format("cannot listen on {}: {}; choose an address of this machine, and a port that "
                      "this user may open",
                      address, failed.message()),
          "CannotListen"};
}

}  // namespace

class HttpServer::Impl {
 public:
  Impl(const ServerLimits& limits, Logger log) : shared_(limits, std::move(log)) {
    for (int i = 0; i < std::max(1, limits.io_threads); ++i) {
      Lane& lane = lanes_.emplace_back();
      sweep_later(lane);
      threads_.emplace_back([&lane] { lane.io.run(); });
    }
  }
  ~Impl() { stop(); }

  Result<std::uint16_t> listen(const std::string& text, HttpService& service,
                               std::shared_ptr<ServerTls> tls) {
    ASSIGN_OR_RETURN(const BindAddress address, parse_bind_address(text));
    ASSIGN_OR_RETURN(const auto endpoints, candidates(lanes_.front().io, address));
    const MutexLock lock(mutex_);
    if (stopped_) {
      return error(StatusCode::kFailedPrecondition, "the server was stopped");
    }
    auto listener = std::make_unique<Listener>(lanes_, shared_, service, std::move(tls));
    error_code failed;
    for (const Tcp::endpoint& endpoint : endpoints) {
      failed = listener->open(endpoint);
      if (!failed || failed == asio::error::address_in_use) {
        break;
      }
    }
    if (failed) {
      return as_return(bind_failure(text, failed));
    }
    const std::uint16_t port = listener->port();
    asio::post(lanes_.front().io, [raw = listener.get()] { raw->accept(); });
    listeners_.push_back(std::move(listener));
    return port;
  }

  void stop() {
    const MutexLock lock(mutex_);
    if (std::exchange(stopped_, true)) {
      return;
    }
    for (const auto& listener : listeners_) {
      asio::post(lanes_.front().io, [raw = listener.get()] { raw->close(); });
    }
    for (Lane& lane : lanes_) {
      asio::post(lane.io, [&lane] {
        lane.stopping = true;
        const std::vector<std::shared_ptr<Session>> all(lane.sessions.begin(), lane.sessions.end());
        for (const auto& session : all) {
          session->begin_stop();
        }
      });
    }
    shared_.connections.wait_empty(Steady::now() + kDrainTime);
    for (Lane& lane : lanes_) {
      lane.io.stop();
    }
    threads_.clear();
    for (Lane& lane : lanes_) {
      for (const auto& session : lane.sessions) {
        session->join_sender();
      }
      lane.sessions.clear();
    }
  }

 private:
  Shared shared_;
  std::deque<Lane> lanes_;
  Mutex mutex_;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::vector<std::unique_ptr<Listener>> listeners_ GUARDED_BY(mutex_);
  std::vector<std::jthread> threads_ GUARDED_BY(mutex_);
};

HttpServer::HttpServer(ServerLimits limits, Logger log)
    : impl_(std::make_unique<Impl>(limits, std::move(log))) {}
HttpServer::~HttpServer() = default;

Result<std::uint16_t> HttpServer::listen(const std::string& address, HttpService& service,
                                         std::shared_ptr<ServerTls> tls) {
  return impl_->listen(address, service, std::move(tls));
}

void HttpServer::stop() {
  impl_->stop();
}

}  // namespace ripcord::http
