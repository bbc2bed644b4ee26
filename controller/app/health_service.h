// SPDX-License-Identifier: Apache-2.0
#pragma once
// GET /livez, /readyz and /healthz, with ?verbose a line a kind and a line a source of manifests.
// Thread-safe; what is passed in must outlive it.

#include "controller/app/controller.h"
#include "controller/ports/http_service.h"

#include <functional>
#include <utility>

namespace ripcord::app {

class HealthService final : public HttpService {
 public:
  using Sources = std::function<std::vector<SourceHealth>()>;
  HealthService(const Controller& controller, Sources sources)
      : controller_(controller), sources_(std::move(sources)) {}
  ServedResponse serve(const ServedRequest& request) override;

 private:
  const Controller& controller_;
  const Sources sources_;
};

}  // namespace ripcord::app
