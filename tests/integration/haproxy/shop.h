// SPDX-License-Identifier: Apache-2.0
#pragma once
// A shop with a blue and a green side behind a real HAProxy, and what the controller needs to look
// after it.

#include "adapters/haproxy/haproxy_router.h"
#include "adapters/http/client.h"
#include "adapters/prober/http_probers.h"
#include "tests/support/traffic/haproxy_instance.h"
#include "tests/support/traffic/traffic_world.h"

#include <memory>

namespace ripcord {

struct Shop {
  Shop()
      : blue(dir, "blue"),
        green(dir, "green"),
        haproxy(dir, {{"b1", blue.address(), ""}, {"g1", green.address(), "disabled"}}) {}

  TrafficTargetSpec spec(const std::string& active) const {
    TrafficTargetSpec spec;
    HealthCheck health;
    health.path = "/healthz";
    health.timeout = std::chrono::milliseconds(500);
    spec.environments = {{"blue", {blue.address()}, health}, {"green", {green.address()}, health}};
    spec.active = active;
    spec.router.haproxy = HaproxyRouter{haproxy.socket(), "shop", haproxy.state_file()};
    spec.verification.url = haproxy.url();
    spec.verification.window = std::chrono::milliseconds(300);
    spec.verification.interval = std::chrono::milliseconds(10);
    return spec;
  }

  TempDir dir;
  WebBackend blue, green;
  HaproxyInstance haproxy;
  SystemClock clock;
  MemoryObjectStore store{clock};
};

// A controller over the shop; a new one is what a restart of the process gives.
struct Controller {
  explicit Controller(Shop& shop, Trace trace = {}) : Controller(shop, shop.store, trace) {}
  Controller(Shop& shop, ObjectStore& store, Trace trace)
      : routers({std::chrono::seconds(2), trace}),
        http(http::make_http_client()),
        probers(*http, shop.clock),
        loop(store, routers, probers, shop.clock, trace) {}

  haproxy::HaproxyRouters routers;
  std::unique_ptr<HttpClient> http;
  HttpProbers probers;
  TrafficLoop loop;
};

}  // namespace ripcord
