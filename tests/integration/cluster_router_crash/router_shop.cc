// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/cluster_router_crash/router_shop.h"

#include "tests/integration/cluster_drivers/cluster_world.h"
#include "tests/support/paths/paths.h"

#include <csignal>
#include <cstdio>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace ripcord {
namespace {

using nlohmann::json;

constexpr const char* kNamespace = "default";

std::string collection_of(Driver driver) {
  const kubernetes::ApiKind& kind =
      driver == Driver::kService ? kubernetes::kServices : kubernetes::kHttpRoutes;
  return fmt::format("{}/namespaces/{}/{}", kind.group, kNamespace, kind.resource);
}

// Where the Service or HTTPRoute sends traffic.
std::string target_of(const json& object) {
  const json& spec = object.at("spec");
  if (spec.contains("selector")) {
    return spec["selector"]["version"].get<std::string>();
  }
  std::string shares;
  for (const json& backend : spec.at("rules")[0].at("backendRefs")) {
    shares += fmt::format("{}{}={}", shares.empty() ? "" : ",", backend["name"].get<std::string>(),
                          backend["weight"].get<int>());
  }
  return shares;
}

}  // namespace

void set_up_shop(ControlPlane& plane) {
  static const bool done = [&] {
    plane.must_kubectl({"apply", "-f", source_dir() + "/crds"});
    plane.must_kubectl({"wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"});
    install_gateway_api(plane);
    const int made = run_forked([] {
      ClusterWorld world(kNamespace);
      three_environments(world);
      make_route(world);
      return 0;
    });
    if (made != 0) {
      throw std::runtime_error("the shop could not be set up");
    }
    return true;
  }();
  static_cast<void>(done);
}

TrafficTargetSpec shop_spec(Driver driver, const std::string& active) {
  TrafficTargetSpec spec;
  for (const std::string name : {"blue", "green"}) {
    Environment environment{name, {}, {}};
    environment.selector_value = name;
    environment.backend = EnvironmentBackend{"shop-" + name, 80, 1};
    spec.environments.push_back(environment);
  }
  spec.active = active;
  if (driver == Driver::kService) {
    spec.router.kubernetes_service = KubernetesServiceRouter{"shop", "version"};
  } else {
    spec.router.http_route = HttpRouteRouter{"shop"};
  }
  spec.verification.url = "http://shop.example/";
  spec.verification.window = std::chrono::milliseconds(60);
  return spec;
}

GatewayProcess::GatewayProcess() : pid_(fork()) {
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      ClusterWorld world(kNamespace);
      const SimulatedGateway gateway(world);
      for (;;) {
        pause();
      }
    } catch (const std::exception& e) {
      std::fprintf(stderr, "gateway: %s\n", e.what());
    }
    _exit(1);
  }
}

GatewayProcess::~GatewayProcess() {
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

// Nothing carries requests here, so each is what the router would have made of it.
class RouterController::Users final : public TrafficProbers {
 public:
  Users(TrafficRouters& routers, TrafficTargetSpec spec, std::string broken)
      : routers_(routers), spec_(std::move(spec)), broken_(std::move(broken)) {}

  Status check(const std::string&, const HealthCheck&, std::stop_token) override {
    return ok_status();
  }
  std::unique_ptr<TrafficProber> start(const TrafficVerification&) override {
    auto router = routers_.open(spec_);
    if (!router) {
      throw std::runtime_error(to_string(router.error()));
    }
    return std::make_unique<Requests>(std::move(*router), broken_);
  }

 private:
  // One more request whenever it is asked.
  class Requests final : public TrafficProber {
   public:
    Requests(std::unique_ptr<TrafficRouter> router, std::string broken)
        : router_(std::move(router)), broken_(std::move(broken)) {}
    Report report() const override {
      const auto state = router_->read();
      ++seen_.probes;
      if (!state) {
        ++seen_.failures;
        seen_.last_error = to_string(state.error());
      } else if (positive_shares(state->weights).contains(broken_)) {
        ++seen_.failures;
        seen_.last_error = "500 from " + broken_;
      }
      return seen_;
    }

   private:
    const std::unique_ptr<TrafficRouter> router_;
    const std::string broken_;
    mutable Report seen_;
  };

  TrafficRouters& routers_;
  const TrafficTargetSpec spec_;
  const std::string broken_;
};

RouterController::RouterController(ControlPlane& plane, Driver driver, const std::string& broken,
                                   Trace trace)
    : driver_(driver),
      client_(client_of(plane, clock_, plane.token())),
      store_(*client_, *client_, client_->server()) {
  const kubernetes::ClusterReach reach{*client_, client_->server()};
  if (driver == Driver::kService) {
    routers_ = std::make_unique<kubernetes::ServiceRouters>(
        reach, clock_, kubernetes::RouterOptions{.trace = trace});
  } else {
    routers_ = std::make_unique<kubernetes::HttpRouteRouters>(
        reach, clock_, kubernetes::RouterOptions{.trace = trace});
  }
  users_ =
      std::make_unique<Users>(*routers_, located(shop_spec(driver, "blue"), kNamespace), broken);
  loop_ = std::make_unique<TrafficLoop>(store_, *routers_, *users_, clock_, std::move(trace));
}

RouterController::~RouterController() = default;

Status RouterController::send_all_to(const std::string& environment) {
  ASSIGN_OR_RETURN(const auto router,
                   routers_->open(located(shop_spec(driver_, environment), kNamespace)));
  return router->apply({{environment, 100}});
}

std::string RouterController::version() {
  const auto got =
      client_->send({.method = "GET", .url = client_->server() + collection_of(driver_) + "/shop"});
  if (!got || got->status != 200) {
    throw std::runtime_error("the router cannot be read");
  }
  return json::parse(got->body)["metadata"]["resourceVersion"].get<std::string>();
}

std::string RouterController::lived_through(const std::string& since) {
  const std::string until = version();
  std::vector<std::string> targets;
  if (until == since) {
    return {};
  }
  HttpRequest request;
  request.url = fmt::format("{}{}?watch=1&fieldSelector=metadata.name%3Dshop&resourceVersion={}",
                            client_->server(), collection_of(driver_), since);
  std::stop_source done;
  std::string pending;
  HttpResponse refused;
  static_cast<void>(client_->stream(
      request,
      [&](std::string_view piece) {
        pending += piece;
        for (std::size_t end = 0; (end = pending.find('\n')) != std::string::npos;
             pending.erase(0, end + 1)) {
          const json object = json::parse(pending.substr(0, end)).at("object");
          if (done.stop_requested()) {
            return;
          }
          if (targets.empty() || targets.back() != target_of(object)) {
            targets.push_back(target_of(object));  // not what the Gateway says of it
          }
          if (object["metadata"]["resourceVersion"] == until) {
            done.request_stop();
          }
        }
      },
      refused, done.get_token()));
  if (!done.stop_requested()) {
    throw std::runtime_error("the changes of the router cannot be read: " + refused.body);
  }
  return fmt::format("{}", fmt::join(targets, "; "));
}

}  // namespace ripcord
