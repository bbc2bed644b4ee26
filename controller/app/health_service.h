// SPDX-License-Identifier: Apache-2.0
#pragma once
// GET /livez, /readyz and /healthz, with ?verbose a line a kind. Thread-safe; `controller` must
// outlive it.

#include "controller/app/controller.h"
#include "controller/ports/http_service.h"

namespace ripcord::app {

class HealthService final : public HttpService {
 public:
  explicit HealthService(const Controller& controller) : controller_(controller) {}
  ServedResponse serve(const ServedRequest& request) override;

 private:
  const Controller& controller_;
};

}  // namespace ripcord::app
