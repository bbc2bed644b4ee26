// SPDX-License-Identifier: Apache-2.0
#pragma once
// The fields of every status, as fields.h has those of spec.

#include "controller/model/resource.h"

#include <vector>

namespace ripcord::codec {

template <class A>
void describe(A& a, Condition& v) {
  a.field("type", v.type);
  a.field("status", v.status);
  a.field("reason", v.reason);
  a.field("message", v.message);
  a.field("observedGeneration", v.observed_generation);
  a.field("lastTransitionTime", v.last_transition_time);
}

template <class A>
void describe(A& a, HistoryEntry& v) {
  a.field("from", v.from);
  a.field("to", v.to);
  a.field("trigger", v.trigger);
  a.field("startedAt", v.started_at);
  a.optional("completedAt", v.completed_at);
  a.field("durationSeconds", v.duration_seconds);
  a.field("result", v.result);
  a.optional("by", v.by);
  a.optional("reason", v.reason);
}

template <class A>
void describe_common(A& a, CommonStatus& v) {
  a.field("observedGeneration", v.observed_generation);
  std::vector<Condition> conditions = v.conditions.all();
  a.optional("conditions", conditions);
  if constexpr (A::kReads) {
    v.conditions = ConditionSet();
    for (const Condition& condition : conditions) {
      v.conditions.set(condition, condition.last_transition_time);
    }
  }
  a.optional("history", v.history);
  a.optional("simulated", v.simulated);
}

template <class A>
void describe(A& a, FeatureFlagStatus& v) {
  describe_common(a, v);
  a.optional("variant", v.variant);
  a.optional("value", v.value);
  a.field("enabled", v.enabled);
  a.field("overridden", v.overridden);
  a.optional("sinks", v.sinks);
}

template <class A>
void describe(A& a, SwitchReport& v) {
  a.field("from", v.from);
  a.field("to", v.to);
  a.field("durationSeconds", v.duration_seconds);
  a.field("downtimeSeconds", v.downtime_seconds);
  a.field("probes", v.probes);
  a.field("failures", v.failures);
  a.field("completedAt", v.completed_at);
}

template <class A>
void describe(A& a, TrafficTargetStatus& v) {
  describe_common(a, v);
  a.optional("active", v.active);
  a.optional("weights", v.weights);
  a.field("overridden", v.overridden);
  a.optional("lastSwitch", v.last_switch);
  a.optional("revertedGeneration", v.reverted_generation);
  a.optional("driftRepairs", v.drift_repairs);
}

template <class A>
void describe(A& a, UsedApproval& v) {
  describe(a, static_cast<MigrationApproval&>(v));
  a.optional("usedAt", v.used_at);
}

template <class A>
void describe(A& a, MigrationProof& v) {
  a.required("version", v.version);
  a.field("result", v.result);
  a.optional("what", v.what);
  a.optional("digest", v.digest);
}

template <class A>
void describe(A& a, DataAtRisk& v) {
  a.required("version", v.version);
  a.field("what", v.what);
  a.optional("rows", v.rows);
  a.optional("atMost", v.at_most);
  a.optional("newest", v.newest);
  a.optional("note", v.note);
  a.optional("archive", v.archive);
}

template <class A>
void describe(A& a, TransitionStatus& v) {
  a.required("name", v.name);
  a.field("phase", v.phase);
  a.optional("syncing", v.syncing);
  a.optional("rows", v.rows);
  a.optional("rowsTotal", v.rows_total);
  a.optional("rowsPerSecond", v.rows_per_second);
  a.optional("etaSeconds", v.eta_seconds);
  a.optional("message", v.message);
}

template <class A>
void describe(A& a, Tombstone& v) {
  a.required("version", v.version);
  a.field("what", v.what);
  a.field("name", v.name);
  a.field("madeAt", v.made_at);
}

template <class A>
void describe(A& a, MigrationVersionStatus& v) {
  describe_common(a, v);
  a.optional("version", v.version);
  a.optional("target", v.target);
  a.field("dirty", v.dirty);
  a.optional("pending", v.pending);
  a.field("overridden", v.overridden);
  a.optional("usedApproval", v.used_approval);
  a.optional("proofs", v.proofs);
  a.optional("atRisk", v.at_risk);
  a.optional("transitions", v.transitions);
  a.optional("tombstones", v.tombstones);
}

template <class A>
void describe(A& a, TableRows& v) {
  a.field("table", v.table);
  a.field("rows", v.rows);
  a.optional("liveRows", v.live_rows);
  a.optional("differs", v.differs);
}

template <class A>
void describe(A& a, PhaseDuration& v) {
  a.field("phase", v.phase);
  a.field("seconds", v.seconds);
}

template <class A>
void describe(A& a, RestoreSource& v) {
  a.field("name", v.name);
  a.field("manifest", v.manifest);
  a.optional("startedAt", v.started_at);
  a.optional("endedAt", v.ended_at);
}

template <class A>
void describe(A& a, RestoreProgress& v) {
  a.field("phase", v.phase);
  a.optional("bytes", v.bytes);
  a.optional("bytesTotal", v.bytes_total);
  a.optional("rows", v.rows);
  a.optional("rowsTotal", v.rows_total);
  a.optional("etaSeconds", v.eta_seconds);
}

template <class A>
void describe(A& a, DrillReport& v) {
  a.field("backup", v.backup);
  a.field("startedAt", v.started_at);
  a.field("completedAt", v.completed_at);
  a.field("passed", v.passed);
  a.field("reason", v.reason);
  a.optional("message", v.message);
  a.field("rtoSeconds", v.rto_seconds);
  a.optional("rpoSeconds", v.rpo_seconds);
}

template <class A>
void describe(A& a, RestoreRequestStatus& v) {
  describe_common(a, v);
  a.field("phase", v.phase);
  a.field("restoredRows", v.restored_rows);
  a.field("restoredBytes", v.restored_bytes);
  a.optional("tables", v.tables);
  a.optional("durations", v.durations);
  a.field("swapWindowSeconds", v.swap_window_seconds);
  a.optional("sideDatabase", v.side_database);
  a.optional("previousDatabase", v.previous_database);
  a.optional("previousExpiresAt", v.previous_expires_at);
  a.optional("completedAt", v.completed_at);
  a.optional("source", v.source);
  a.optional("progress", v.progress);
  a.optional("requestedAt", v.requested_at);
  a.optional("rtoSeconds", v.rto_seconds);
  a.optional("rpoSeconds", v.rpo_seconds);
  a.optional("rowsSinceBackup", v.rows_since_backup);
  a.optional("notCounted", v.not_counted);
  a.optional("lastDrill", v.last_drill);
  a.optional("lastPassedDrillAt", v.last_passed_drill_at);
  a.optional("nextDrillAt", v.next_drill_at);
}

}  // namespace ripcord::codec
