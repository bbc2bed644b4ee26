// SPDX-License-Identifier: Apache-2.0
#pragma once
// Health checks of environments and probing through a router, over HTTP.
//
// check(): GET http://<address><path>, as many times in a row as the threshold asks; one failure
// ends it. Unavailable (Unhealthy) says what came instead.
//
// start(): one request at once and then one every interval, each over a new connection, until the
// prober is destroyed. Requests overlap, so a stalled one hides nothing; what a request is doing
// when the prober ends is not counted. Success is any 2xx or 3xx within the timeout. The gap is
// measured between the moments at which successes arrived, from the start and up to now.
//
// The client and the clock must outlive it and every prober. Safe for concurrent use.

#include "controller/base/clock.h"
#include "controller/ports/http_client.h"
#include "controller/ports/traffic_router.h"

#include <memory>

namespace ripcord {

class HttpProbers final : public TrafficProbers {
 public:
  HttpProbers(HttpClient& client, Clock& clock) : client_(client), clock_(clock) {}

  Status check(const std::string& address, const HealthCheck& check, std::stop_token stop) override;
  std::unique_ptr<TrafficProber> start(const TrafficVerification& verification) override;

 private:
  HttpClient& client_;
  Clock& clock_;
};

}  // namespace ripcord
