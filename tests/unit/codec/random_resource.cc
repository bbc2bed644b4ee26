// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/codec/random_resource.h"

#include <array>
#include <limits>
#include <variant>

namespace ripcord {

std::int64_t RandomResource::any_number() {
  constexpr std::array<std::int64_t, 5> kEdges = {
      0, 1, -1, std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()};
  return coin() ? number(0, 1'000'000) : kEdges[static_cast<std::size_t>(number(0, 4))];
}

std::string RandomResource::word() {
  std::string out;
  for (std::int64_t i = number(1, 8); i > 0; --i) {
    out += static_cast<char>('a' + number(0, 25));
  }
  return out;
}

// Letters, everything that YAML or JSON treats specially, and characters of every length.
std::string RandomResource::text() {
  static const std::array<std::string, 32> kPieces = {"a",      "Z",
                                                      "0",      "1",
                                                      " ",      "\n",
                                                      "\t",     "\"",
                                                      "'",      "\\",
                                                      "{",      "}",
                                                      "[",      "]",
                                                      ",",      ":",
                                                      "#",      "&",
                                                      "*",      "!",
                                                      "|",      ">",
                                                      "%",      "@",
                                                      "on",     "~",
                                                      "<<",     "-",
                                                      "é",      "\xE2\x80\xA8",
                                                      "\x7F\r", "\xF0\x9F\x98\x80"};
  std::string out;
  for (std::int64_t i = number(0, 6); i > 0; --i) {
    out += kPieces[static_cast<std::size_t>(number(0, kPieces.size() - 1))];
  }
  return out;
}

WallTime RandomResource::time() {
  const WallTime t{std::chrono::microseconds(number(0, 4'000'000'000'000'000))};
  return coin() ? t : std::chrono::floor<std::chrono::seconds>(t);
}

std::vector<std::string> RandomResource::texts() {
  std::vector<std::string> out;
  for (std::int64_t i = number(0, 3); i > 0; --i) {
    out.push_back(text());
  }
  return out;
}

std::string RandomResource::json_text() {
  static const std::array<std::string, 9> kTexts = {
      "true",    "false", "10",
      "10.0",    "1e3",   "\"x\"",
      "\"1.0\"", "\"\"",  R"({"a":[1,{"b":null}],"c":"\n"})"};
  return kTexts[static_cast<std::size_t>(number(0, kTexts.size() - 1))];
}

void RandomResource::fill(OverrideBase& v) {
  v.reason = text();
  v.by = text();
  if (coin()) {
    v.until = time();
  }
}

void RandomResource::fill(CommonStatus& v) {
  v.observed_generation = number(-1, 9);
  v.simulated = coin();
  for (std::int64_t i = number(0, 3); i > 0; --i) {
    v.conditions.set(
        {word(), static_cast<ConditionState>(number(0, 2)), word(), text(), number(0, 9), {}},
        time());
  }
  for (std::int64_t i = number(0, 3); i > 0; --i) {
    v.history.push_back({text(), text(), static_cast<Trigger>(number(0, 2)), time(),
                         coin() ? std::optional(time()) : std::nullopt, real(), word(), text(),
                         text()});
  }
}

std::vector<FlagSink> RandomResource::sinks() {
  std::vector<FlagSink> all;
  for (std::int64_t i = number(0, 2); i > 0; --i) {
    all.push_back({{text(), text()}});
  }
  return all;
}

DatabaseRef RandomResource::database() {
  DatabaseRef ref{static_cast<Engine>(number(0, 2)), text(), text(), text(), text()};
  if (coin()) {
    ref.url_secret = SecretKeyRef{text(), text(), {}};
  }
  return ref;
}

void RandomResource::fill(FeatureFlagSpec& v) {
  v.key = text();
  v.enabled = coin();
  for (std::int64_t i = number(0, 3); i > 0; --i) {
    v.variants[text()] = json_text();
  }
  v.default_variant = text();
  v.off_variant = text();
  v.targeting = coin() ? "" : R"({"if":[true,"on"]})";
  v.when_disabled = coin() ? WhenDisabled::kCodeDefault : WhenDisabled::kOffVariant;
  v.sinks = sinks();
  if (coin()) {
    auto& o = v.override.emplace();
    fill(static_cast<OverrideBase&>(o));
    if (coin()) {
      o.enabled = coin();
    }
    if (coin()) {
      o.variant = text();
    }
  }
}

void RandomResource::fill(FeatureFlagStatus& v) {
  v.variant = text();
  v.value = json_text();
  v.enabled = coin();
  v.overridden = coin();
  v.sinks = sinks();
}

void RandomResource::fill(TrafficTargetSpec& v) {
  for (std::int64_t i = number(0, 3); i > 0; --i) {
    v.environments.push_back({text(), texts(), {text(), duration(), small(), small()}});
    if (coin()) {
      v.environments.back().selector_value = text();
      v.environments.back().backend = EnvironmentBackend{text(), small(), small()};
    }
  }
  v.active = text();
  v.weights = {{text(), small()}, {text(), small()}};
  if (coin()) {
    v.router.haproxy = HaproxyRouter{text(), text(), text()};
  } else if (coin()) {
    v.router.kubernetes_service = KubernetesServiceRouter{text(), text(), {}};
  } else if (coin()) {
    v.router.http_route = HttpRouteRouter{text(), {}};
  }
  v.verification = {text(), duration(), duration(), duration(), small()};
  if (coin()) {
    auto& o = v.override.emplace();
    fill(static_cast<OverrideBase&>(o));
    o.active = text();
    o.weights = {{text(), small()}};
  }
}

void RandomResource::fill(TrafficTargetStatus& v) {
  v.active = text();
  v.weights = {{text(), small()}};
  v.overridden = coin();
  if (coin()) {
    v.last_switch =
        SwitchReport{text(), text(), real(), real(), any_number(), any_number(), time()};
  }
  v.reverted_generation = any_number();
}

void RandomResource::fill(MigrationVersionSpec& v) {
  v.database = database();
  v.source.directory = text();
  if (coin()) {
    v.source.config_map = ConfigMapRef{text()};
  }
  for (std::int64_t i = number(0, 2); i > 0; --i) {
    Migration& m = v.source.inline_migrations.emplace_back();
    m.version = any_number();
    m.name = text();
    m.up = coin() ? std::optional(text()) : std::nullopt;
    m.down = coin() ? std::optional(text()) : std::nullopt;
  }
  if (coin()) {
    v.version = any_number();
  }
  v.policy = {static_cast<DownPolicy>(number(0, 2)),
              static_cast<DataLossPolicy>(number(0, 1)),
              duration(),
              duration(),
              static_cast<ProofPolicy>(number(0, 2)),
              text(),
              text(),
              duration(),
              coin()
                  ? std::optional(ArchivePolicy{text(), static_cast<ArchiveFormat>(number(0, 1))})
                  : std::nullopt};
  if (coin()) {
    v.schema_range = SchemaRange{any_number(), any_number()};
  }
  for (std::int64_t i = number(0, 2); i > 0; --i) {
    Transition& t = v.transitions.emplace_back();
    t.name = text();
    t.expand = any_number();
    t.contract = coin() ? std::optional(any_number()) : std::nullopt;
    if (coin()) {
      t.sync = TransitionSync{text(), text(), text(), text(), text()};
    }
    if (coin()) {
      t.backfill =
          TransitionBackfill{text(), text(), text(), text(), small(), duration(), duration()};
    }
    t.validations = {{text(), text(), coin(), text(), text(), any_number(), any_number()}};
  }
  if (coin()) {
    v.approval = MigrationApproval{any_number(), text(), coin(), text()};
  }
  if (coin()) {
    auto& o = v.override.emplace();
    fill(static_cast<OverrideBase&>(o));
    o.version = any_number();
  }
}

void RandomResource::fill(MigrationVersionStatus& v) {
  v.version = coin() ? std::optional(any_number()) : std::nullopt;
  v.target = coin() ? std::optional(any_number()) : std::nullopt;
  v.dirty = coin();
  v.pending = texts();
  v.overridden = coin();
  if (coin()) {
    v.used_approval = {{any_number(), text(), coin(), text()},
                       coin() ? std::optional(time()) : std::nullopt};
  }
  for (std::int64_t i = number(0, 2); i > 0; --i) {
    v.proofs.push_back({any_number(), static_cast<Reversibility>(number(0, 3)), texts(), text()});
    v.at_risk.push_back({any_number(), text(), any_number(), coin(), time(), text(), text()});
    v.transitions.push_back({text(), static_cast<TransitionPhase>(number(0, 5)), coin(),
                             any_number(), any_number(), real(), real(), text()});
    v.tombstones.push_back({any_number(), text(), text(), time()});
  }
}

void RandomResource::fill(RestoreRequestSpec& v) {
  v.database = database();
  v.backup = text();
  v.catalog_directory = text();
  v.mode = coin() ? RestoreMode::kDrill : RestoreMode::kSwap;
  v.swap_by = coin() ? RestoreUnit::kSchema : RestoreUnit::kDatabase;
  if (coin()) {
    v.pgbouncer = PgBouncerRef{text(), text()};
  }
  if (coin()) {
    v.approval = RestoreApproval{text(), text()};
  }
  v.verification.min_rows = any_number();
  for (std::int64_t i = number(0, 2); i > 0; --i) {
    v.verification.queries.push_back({text(), coin() ? std::optional(any_number()) : std::nullopt,
                                      coin() ? std::optional(any_number()) : std::nullopt});
  }
  v.keep_previous = duration();
}

void RandomResource::fill(RestoreRequestStatus& v) {
  v.phase = static_cast<RestorePhase>(number(0, 5));
  v.restored_rows = any_number();
  v.restored_bytes = any_number();
  v.tables = {{text(), any_number()}};
  v.durations = {{text(), real()}};
  v.swap_window_seconds = real();
  v.side_database = text();
  v.previous_database = text();
  v.previous_expires_at = coin() ? std::optional(time()) : std::nullopt;
  v.completed_at = coin() ? std::optional(time()) : std::nullopt;
}

Resource RandomResource::next() {
  Resource resource = make_resource(kAllKinds[static_cast<std::size_t>(number(0, 3))], text());
  Metadata& meta = resource.meta;
  meta.ns = text();
  meta.uid = text();
  meta.generation = any_number();
  meta.resource_version = number(0, std::numeric_limits<std::int64_t>::max());
  meta.creation_timestamp = time();
  meta.deletion_timestamp = coin() ? std::optional(time()) : std::nullopt;
  meta.finalizers = texts();
  meta.labels = {{text(), text()}, {text(), text()}};
  meta.annotations = {{text(), text()}};
  std::visit(
      [&](auto& spec) {
        spec.suspend = coin();
        fill(spec);
      },
      resource.spec);
  std::visit(
      [&](auto& status) {
        fill(static_cast<CommonStatus&>(status));
        fill(status);
      },
      resource.status);
  return resource;
}

}  // namespace ripcord
