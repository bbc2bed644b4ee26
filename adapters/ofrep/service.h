// SPDX-License-Identifier: Apache-2.0
#pragma once
// OFREP 0.3.0 over a FlagTable: single and bulk evaluation, entity tags, CORS. Answers are what the
// table has: no rules are evaluated, so the context is only checked to be one. Thread-safe; an
// evaluation takes no lock that a change holds while it works.

#include "adapters/ofrep/flag_table.h"
#include "controller/base/mutex.h"
#include "controller/ports/http_service.h"
#include "controller/ports/metrics.h"

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace ripcord::ofrep {

inline constexpr std::size_t kContextLimit = 1'000'000;  // bytes of a request body; 413 above

inline constexpr std::array<std::string_view, 2> kEvaluationLabels = {"reason", "result"};
// result: success, not_found or error. A bulk request counts once, with reason "bulk".
inline constexpr MetricDescriptor kFlagEvaluations = {"ripcord_flag_evaluations_total",
                                                      "Flag evaluations answered over OFREP.",
                                                      MetricType::kCounter, kEvaluationLabels};

class OfrepService final : public HttpService {
 public:
  // Both must outlive the service.
  OfrepService(const FlagTable& table, MetricSink& metrics);
  ServedResponse serve(const ServedRequest& request) override;

 private:
  struct Bulk {
    std::uint64_t revision = 0;
    std::string body;
    std::string etag;  // quoted; of the body
  };

  ServedResponse evaluate_one(const ServedRequest& request, std::string_view encoded_key);
  ServedResponse evaluate_all(const ServedRequest& request);
  std::shared_ptr<const Bulk> bulk();

  const FlagTable& table_;
  MetricSink& metrics_;
  Mutex mutex_;
  std::shared_ptr<const Bulk> bulk_ GUARDED_BY(mutex_);
};

}  // namespace ripcord::ofrep
