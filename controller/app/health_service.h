// SPDX-License-Identifier: Apache-2.0
#pragma once
// GET /livez, /readyz and /healthz, with ?verbose a line a kind and a line a source of manifests.
// Thread-safe; what is passed in must outlive it.

#include "controller/ports/http_service.h"
#include "controller/runtime/health.h"

#include <functional>
#include <utility>
#include <vector>

namespace ripcord::app {

class HealthService final : public HttpService {
 public:
  using Loops = std::function<std::vector<LoopHealth>()>;
  using Sources = std::function<std::vector<SourceHealth>()>;
  HealthService(Loops loops, Sources sources)
      : loops_(std::move(loops)), sources_(std::move(sources)) {}
  ServedResponse serve(const ServedRequest& request) override;

 private:
  const Loops loops_;
  const Sources sources_;
};

}  // namespace ripcord::app
