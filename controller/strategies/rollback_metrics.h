// SPDX-License-Identifier: Apache-2.0
#pragma once
// The metrics that are Ripcord's own: how long rollbacks take and whether one is possible.
// Descriptors are constants. `strategy` is snake_name(kind); `trigger` is spec, override or
// automatic; `result` is succeeded, failed or rolled_back.

#include "controller/model/condition.h"
#include "controller/model/kind.h"
#include "controller/ports/metrics.h"

#include <array>

namespace ripcord::metric {

// 1 ms to 4 h.
inline constexpr std::array<double, 20> kRollbackBuckets = {
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,  1,
    2.5,   5,      10,    30,   60,    300,  900, 1800, 3600, 14400};
inline constexpr std::array<std::string_view, 3> kRollbackLabels = {"strategy", "trigger",
                                                                    "result"};
inline constexpr std::array<std::string_view, 2> kStageLabels = {"strategy", "stage"};
inline constexpr std::array<std::string_view, 1> kStrategyLabel = {"strategy"};
inline constexpr std::array<std::string_view, 2> kObjectLabels = {"namespace", "name"};
inline constexpr std::array<std::string_view, 5> kStateLabels = {"strategy", "namespace", "name",
                                                                 "state", "reason"};

inline constexpr MetricDescriptor kRollbackDuration = {
    "ripcord_rollback_duration_seconds", "From the decision to the verified end of a rollback.",
    MetricType::kHistogram, kRollbackLabels, kRollbackBuckets};
inline constexpr MetricDescriptor kRollbackStageDuration = {
    "ripcord_rollback_stage_duration_seconds", "Stages of a rollback: observe, act, verify.",
    MetricType::kHistogram, kStageLabels, kRollbackBuckets};
inline constexpr MetricDescriptor kRollbacks = {"ripcord_rollbacks_total",
                                                "Rollbacks carried out or tried.",
                                                MetricType::kCounter, kRollbackLabels};
inline constexpr MetricDescriptor kRollbackAvailable = {
    "ripcord_rollback_available", "Objects whose previous state can be reached now.",
    MetricType::kGauge, kStrategyLabel};
inline constexpr MetricDescriptor kTrafficDowntime = {
    "ripcord_traffic_downtime_seconds",
    "Longest gap between successful probes during the last switches.",
    MetricType::kHistogram,
    {},
    kRollbackBuckets};
inline constexpr MetricDescriptor kTrafficProbeFailures = {"ripcord_traffic_probe_failures_total",
                                                           "Probes through the router that failed.",
                                                           MetricType::kCounter,
                                                           {}};
inline constexpr MetricDescriptor kMigrationVersion = {
    "ripcord_migration_version", "Schema version as the database says; -1 when nothing is applied.",
    MetricType::kGauge, kObjectLabels};
inline constexpr MetricDescriptor kBackfillRows = {"ripcord_backfill_rows_total",
                                                   "Rows changed by backfills of transitions.",
                                                   MetricType::kCounter, kObjectLabels};
inline constexpr MetricDescriptor kBackfillRate = {
    "ripcord_backfill_rows_per_second",
    "Rows that the backfill under way changes a second; 0 while there is none.", MetricType::kGauge,
    kObjectLabels};
inline constexpr MetricDescriptor kBackfillRemaining = {
    "ripcord_backfill_remaining_seconds",
    "Until the backfill under way has looked at all rows, by its rate and the server's estimate.",
    MetricType::kGauge, kObjectLabels};
inline constexpr MetricDescriptor kRestoredRows = {
    "ripcord_restored_rows_total", "Rows restored from backups.", MetricType::kCounter, {}};
inline constexpr MetricDescriptor kRestoreRpo = {
    "ripcord_restore_rpo_seconds",
    "Age of the backup at the last swap: writes of this time are in the previous database only.",
    MetricType::kGauge, kObjectLabels};
inline constexpr MetricDescriptor kRestoreRto = {"ripcord_restore_rto_seconds",
                                                 "From the request to the swap, of the last swap.",
                                                 MetricType::kGauge, kObjectLabels};
inline constexpr MetricDescriptor kRestoreProgress = {
    "ripcord_restore_progress_ratio", "How much of a backup is loaded, 0 to 1, while it is loaded.",
    MetricType::kGauge, kObjectLabels};
inline constexpr MetricDescriptor kDrillPassed = {"ripcord_restore_drill_passed",
                                                  "1 when the last drill passed, 0 when it failed.",
                                                  MetricType::kGauge, kObjectLabels};
inline constexpr MetricDescriptor kDrillAge = {"ripcord_restore_drill_age_seconds",
                                               "How long ago the last drill ended.",
                                               MetricType::kGauge, kObjectLabels};
inline constexpr MetricDescriptor kDrillOverdue = {
    "ripcord_restore_drill_overdue_seconds", "How long a drill is due that has not ended yet.",
    MetricType::kGauge, kObjectLabels};
inline constexpr MetricDescriptor kSuppressedWrites = {
    "ripcord_suppressed_writes_total", "Status writes left out because nothing had changed.",
    MetricType::kCounter, kStrategyLabel};
inline constexpr MetricDescriptor kWriteConflicts = {
    "ripcord_write_conflicts_total",
    "Status writes refused because somebody else had changed the object.", MetricType::kCounter,
    kStrategyLabel};
inline constexpr MetricDescriptor kDriftRepairs = {
    "ripcord_drift_repairs_total",
    "Times the real system was not as Ripcord had left it and was put back.", MetricType::kCounter,
    kStrategyLabel};
inline constexpr MetricDescriptor kObjectState = {
    "ripcord_object_state", "1 for each object and state that a person may want to know.",
    MetricType::kGauge, kStateLabels};

// Every series that the strategy of `kind` may ever write, at zero.
void declare_rollback_metrics(MetricSink& metrics, Kind kind);

// The values of `trigger`.
constexpr std::string_view trigger_label(Trigger trigger) {
  switch (trigger) {
    case Trigger::kOverride:
      return "override";
    case Trigger::kAutomatic:
      return "automatic";
    case Trigger::kSpec:
      break;
  }
  return "spec";
}

}  // namespace ripcord::metric
