// SPDX-License-Identifier: Apache-2.0
#pragma once
// Every field of every spec and of metadata, named once: `describe(archive, value)` is run by
// FieldReader and by FieldWriter. The names are the wire format.

#include "controller/model/resource.h"

namespace ripcord::codec {

template <class A>
void describe(A& a, Metadata& v) {
  a.field("name", v.name);
  a.field("namespace", v.ns);
  a.optional("uid", v.uid);
  a.number_in_string("resourceVersion", v.resource_version);
  a.optional("generation", v.generation);
  a.optional("creationTimestamp", v.creation_timestamp);
  a.optional("deletionTimestamp", v.deletion_timestamp);
  a.optional("labels", v.labels);
  a.optional("annotations", v.annotations);
  a.optional("finalizers", v.finalizers);
  // The API server's own, and those of whoever made the object.
  a.ignore("managedFields");
  a.ignore("selfLink");
  a.ignore("ownerReferences");
  a.ignore("generateName");
  a.ignore("deletionGracePeriodSeconds");
}

template <class A>
void describe_override(A& a, OverrideBase& v) {
  a.optional("reason", v.reason);
  a.optional("by", v.by);
  a.optional("until", v.until);
}

// --- FeatureFlag
template <class A>
void describe(A& a, FeatureFlagOverride& v) {
  a.optional("enabled", v.enabled);
  a.optional("variant", v.variant);
  describe_override(a, v);
}

template <class A>
void describe(A& a, ConfigMapKey& v) {
  a.required("name", v.name);
  a.required("key", v.key);
}

template <class A>
void describe(A& a, FlagSink& v) {
  a.required("configMap", v.config_map);
}

template <class A>
void describe(A& a, FeatureFlagSpec& v) {
  a.optional("suspend", v.suspend);
  a.field("key", v.key);
  a.field("enabled", v.enabled);
  a.json_map("variants", v.variants);
  a.field("defaultVariant", v.default_variant);
  a.field("offVariant", v.off_variant);
  a.json("targeting", v.targeting);
  a.field("whenDisabled", v.when_disabled);
  a.optional("sinks", v.sinks);
  a.optional("override", v.override);
}

// --- TrafficTarget
template <class A>
void describe(A& a, HealthCheck& v) {
  a.field("path", v.path);
  a.field("timeout", v.timeout);
  a.field("healthyThreshold", v.healthy_threshold);
  a.optional("expectedStatus", v.expected_status);
}

template <class A>
void describe(A& a, EnvironmentBackend& v) {
  a.required("service", v.service);
  a.optional("port", v.port);
  a.field("minReady", v.min_ready);
}

template <class A>
void describe(A& a, Environment& v) {
  a.field("name", v.name);
  a.one_or_many("address", "addresses", v.addresses);
  a.field("health", v.health);
  a.optional("selectorValue", v.selector_value);
  a.optional("backend", v.backend);
}

template <class A>
void describe(A& a, HaproxyRouter& v) {
  a.field("socket", v.socket);
  a.field("backend", v.backend);
  a.optional("stateFile", v.state_file);
}

template <class A>
void describe(A& a, KubernetesServiceRouter& v) {
  a.required("name", v.name);
  a.required("selectorKey", v.selector_key);
}

template <class A>
void describe(A& a, HttpRouteRouter& v) {
  a.required("name", v.name);
}

template <class A>
void describe(A& a, RouterRef& v) {
  a.optional("haproxy", v.haproxy);
  a.optional("kubernetesService", v.kubernetes_service);
  a.optional("httpRoute", v.http_route);
  const std::string_view kOnlyOne =
      "write one of haproxy, kubernetesService, httpRoute and simulation, not both";
  if (a.marker("simulation") && (v.haproxy || v.kubernetes_service || v.http_route)) {
    a.fail("simulation", std::string(kOnlyOne));
  }
  if (v.http_route && (v.haproxy || v.kubernetes_service)) {
    a.fail("httpRoute", std::string(kOnlyOne));
  }
  if (v.kubernetes_service && v.haproxy) {
    a.fail("kubernetesService", std::string(kOnlyOne));
  }
}

template <class A>
void describe(A& a, TrafficVerification& v) {
  a.optional("url", v.url);
  a.field("window", v.window);
  a.field("interval", v.interval);
  a.field("timeout", v.timeout);
  a.field("maxFailures", v.max_failures);
}

template <class A>
void describe(A& a, TrafficOverride& v) {
  a.optional("active", v.active);
  a.optional("weights", v.weights);
  describe_override(a, v);
}

template <class A>
void describe(A& a, TrafficTargetSpec& v) {
  a.optional("suspend", v.suspend);
  a.field("environments", v.environments);
  a.optional("active", v.active);
  a.optional("weights", v.weights);
  a.optional("router", v.router);
  a.field("verification", v.verification);
  a.optional("override", v.override);
}

// --- databases
template <class A>
void describe(A& a, SecretKeyRef& v) {
  a.required("name", v.name);
  a.required("key", v.key);
}

template <class A>
void describe(A& a, DatabaseRef& v) {
  a.field("engine", v.engine);
  a.optional("url", v.url);
  a.group("urlFrom", [&](auto& from) {
    from.optional("env", v.url_env);
    from.optional("file", v.url_file);
    from.optional("secretKeyRef", v.url_secret);
  });
  a.optional("path", v.path);
}

// --- MigrationVersion
template <class A>
void describe(A& a, Migration& v) {
  a.required("version", v.version);
  a.field("name", v.name);
  a.optional("up", v.up);
  a.optional("down", v.down);
}

template <class A>
void describe(A& a, ConfigMapRef& v) {
  a.required("name", v.name);
}

template <class A>
void describe(A& a, MigrationSourceRef& v) {
  a.optional("directory", v.directory);
  a.optional("inline", v.inline_migrations);
  a.optional("configMapRef", v.config_map);
}

template <class A>
void describe(A& a, ArchivePolicy& v) {
  a.required("directory", v.directory);
  a.field("format", v.format);
}

template <class A>
void describe(A& a, MigrationPolicy& v) {
  a.field("down", v.down);
  a.field("dataLoss", v.data_loss);
  a.field("lockTimeout", v.lock_timeout);
  a.field("statementTimeout", v.statement_timeout);
  a.field("proof", v.proof);
  a.group("shadowUrlFrom", [&](auto& from) {
    from.optional("env", v.shadow_url_env);
    from.optional("file", v.shadow_url_file);
  });
  a.optional("contractSoak", v.contract_soak);
  a.optional("archive", v.archive);
}

template <class A>
void describe(A& a, MigrationApproval& v) {
  a.required("version", v.version);
  a.optional("by", v.by);
  a.optional("dataLoss", v.data_loss);
  a.optional("reason", v.reason);
}

template <class A>
void describe(A& a, MigrationOverride& v) {
  a.required("version", v.version);
  describe_override(a, v);
}

template <class A>
void describe(A& a, SchemaRange& v) {
  a.optional("min", v.min);
  a.optional("max", v.max);
}

template <class A>
void describe(A& a, TransitionSync& v) {
  a.required("table", v.table);
  a.required("old", v.old_column);
  a.required("new", v.new_column);
  a.optional("toNew", v.to_new);
  a.optional("toOld", v.to_old);
}

template <class A>
void describe(A& a, TransitionBackfill& v) {
  a.required("table", v.table);
  a.required("set", v.set);
  a.optional("where", v.where);
  a.required("key", v.key);
  a.field("batchSize", v.batch_size);
  a.field("maxLag", v.max_lag);
  a.field("pause", v.pause);
}

template <class A>
void describe(A& a, TransitionValidation& v) {
  a.optional("table", v.table);
  a.optional("column", v.column);
  a.optional("notNull", v.not_null);
  a.optional("pattern", v.pattern);
  a.optional("query", v.query);
  a.optional("min", v.min);
  a.optional("max", v.max);
}

template <class A>
void describe(A& a, Transition& v) {
  a.required("name", v.name);
  a.required("expand", v.expand);
  a.optional("contract", v.contract);
  a.optional("sync", v.sync);
  a.optional("backfill", v.backfill);
  a.optional("validations", v.validations);
}

template <class A>
void describe(A& a, MigrationVersionSpec& v) {
  a.optional("suspend", v.suspend);
  a.field("database", v.database);
  a.optional("source", v.source);
  a.version_or_latest("version", v.version);
  a.field("policy", v.policy);
  a.optional("approval", v.approval);
  a.optional("override", v.override);
  a.optional("schemaRange", v.schema_range);
  a.optional("transitions", v.transitions);
}

// --- RestoreRequest
template <class A>
void describe(A& a, RestoreApproval& v) {
  a.required("backup", v.backup);
  a.optional("by", v.by);
  a.optional("revert", v.revert);
}

template <class A>
void describe(A& a, RestoreTargets& v) {
  a.optional("rto", v.rto);
  a.optional("rpo", v.rpo);
}

template <class A>
void describe(A& a, PgBouncerRef& v) {
  a.group("adminUrlFrom", [&](auto& from) {
    from.optional("env", v.admin_url_env);
    from.optional("file", v.admin_url_file);
  });
}

template <class A>
void describe(A& a, RestoreQuery& v) {
  a.required("sql", v.sql);
  a.optional("min", v.min);
  a.optional("max", v.max);
}

template <class A>
void describe(A& a, RestoreVerification& v) {
  a.field("minRows", v.min_rows);
  a.optional("queries", v.queries);
}

template <class A>
void describe(A& a, RestoreRequestSpec& v) {
  a.optional("suspend", v.suspend);
  a.field("database", v.database);
  a.field("backup", v.backup);
  a.group("catalog", [&](auto& catalog) { catalog.optional("directory", v.catalog_directory); });
  a.field("mode", v.mode);
  a.optional("swapBy", v.swap_by);
  a.optional("pgbouncer", v.pgbouncer);
  a.optional("revert", v.revert);
  a.optional("schedule", v.schedule);
  a.optional("targets", v.targets);
  a.optional("approval", v.approval);
  a.field("verification", v.verification);
  a.field("keepPrevious", v.keep_previous);
}

}  // namespace ripcord::codec
