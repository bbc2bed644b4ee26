// SPDX-License-Identifier: Apache-2.0
#pragma once
// Converges FeatureFlags. The evaluation table is changed first, before anything that can wait;
// then the endpoint is asked, as an application would, and only its answer is reported. A table
// that lost the flag, or has another answer, is put right on the way. What is written elsewhere
// (spec.sinks) is left to a FlagSinkWriter and not waited for. Thread-safe.

#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/policy/feature_flag.h"
#include "controller/ports/flags.h"
#include "controller/ports/metrics.h"
#include "controller/ports/object_store.h"
#include "controller/strategies/flag_claims.h"
#include "controller/strategies/flag_sink_writer.h"
#include "controller/strategies/strategy.h"

#include <cstddef>
#include <optional>
#include <string>

namespace ripcord {

class FeatureFlagStrategy final : public Strategy {
 public:
  // Everything passed in must outlive it; `endpoint` must serve what `table` has. `simulated` is
  // what status says about the two. Without a writer spec.sinks is refused (OnlyOnKubernetes).
  FeatureFlagStrategy(FlagServing& table, FlagEvaluation& endpoint, MetricSink& metrics,
                      const Clock& clock, bool simulated = false, FlagSinkWriter* sinks = nullptr);

  // Puts every flag of the store into the table, so that the endpoint can open with all of them:
  // a client that asks in between would get its own default. A flag that is suspended, or has a
  // spec that cannot be served, is served as it was verified last. Returns how many are served.
  Result<std::size_t> preload(const ObjectReader& store);

  Kind kind() const override { return Kind::kFeatureFlag; }
  Result<Plan> plan(const Resource& object, std::stop_token stop) override;
  Outcome converge(Reconcile& reconcile) override;
  void forget(const ObjectKey& key) override;

 private:
  struct Verified {
    std::optional<FlagValue> drifted;  // what was served instead, and is no longer
    bool had_drifted = false;
  };

  struct Preloaded {
    FlagValue wanted;
    bool won = false;
  };
  std::optional<Preloaded> preload(const Resource& object);
  Outcome serve(Reconcile& reconcile, const FlagDecision& decision, MonoTime started);
  Result<std::optional<FlagValue>> served(const std::string& key);
  Result<Verified> verify(const ObjectKey& owner, const FlagDecision& decision);
  FlagClaims::Ruling claim(const Resource& object, FlagAnswer wanted,
                           FlagClaims::Decision decision);
  void show_available();
  Outcome unverified(Resource& object, const FlagDecision& decision, Status why);
  void record(Resource& object, const FlagDecision& decision, const Verified& verified,
              MonoTime started);
  void count_rollback(const FlagDecision& decision, Duration took);

  FlagClaims claims_;
  FlagEvaluation& endpoint_;
  MetricSink& metrics_;
  const Clock& clock_;
  const bool simulated_;
  FlagSinkWriter* const sinks_;
  Mutex gauge_;  // held while the gauge is set, so that it never goes back to an older count
};

}  // namespace ripcord
