// SPDX-License-Identifier: Apache-2.0
#include "controller/model/validation_rules.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMaxVariants = 64;
constexpr std::size_t kMaxEnvironments = 32;
constexpr std::size_t kMaxAddresses = 256;

// --- FeatureFlag

// The JSON type of a canonical JSON text, by its first character.
std::string_view json_type(std::string_view text) {
  switch (text.empty() ? '\0' : text.front()) {
    case 't':
    case 'f':
      return "boolean";
    case '"':
      return "string";
    case '{':
      return "object";
    case '[':
      return "list";
    case 'n':
      return "null";
    case '\0':
      return "nothing";
    default:
      return "number";
  }
}

void check_variants(const FeatureFlagSpec& spec, FieldErrors& errors) {
  if (spec.variants.empty()) {
    errors.add("spec.variants", "is empty; name at least one, e.g. {\"on\": true, \"off\": false}");
    return;
  }
  errors.at_most("spec.variants", spec.variants.size(), kMaxVariants);
  const std::string_view wanted = json_type(spec.variants.begin()->second);
  for (const auto& [name, value] : spec.variants) {
    const std::string path = "spec.variants." + shown(name);
    const std::string_view type = json_type(value);
    if (name.empty() || name.size() > 128) {
      errors.add(path, "a variant's name has 1 to 128 bytes");
    }
    if (type == "null" || type == "list" || type == "nothing") {
      errors.add(path, fmt::format("a variant is a boolean, string, number or object, not {}",
                                   type == "list" ? "a list" : type));
    } else if (type != wanted) {
      errors.add(path, fmt::format("is a {}, but '{}' is a {}; all variants have one type", type,
                                   shown(spec.variants.begin()->first), wanted));
    }
  }
}

void check_variant_name(const FeatureFlagSpec& spec, const std::string& path,
                        const std::string& name, FieldErrors& errors) {
  if (spec.variants.empty() || spec.variants.contains(name)) {
    return;
  }
  std::vector<std::string> known;
  for (const auto& [variant, value] : spec.variants) {
    known.push_back(shown(variant));
  }
  errors.add(path, name.empty() ? fmt::format("is empty; choose one of {}", fmt::join(known, ", "))
                                : fmt::format("there is no variant '{}'; choose one of {}",
                                              shown(name), fmt::join(known, ", ")));
}

// --- TrafficTarget

bool all_of(std::string_view text, std::string_view signs) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           signs.find(c) != std::string_view::npos;
  });
}

bool is_host_port(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0 || address.size() > 260) {
    return false;
  }
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  if (port.empty() || port.size() > 5 ||
      !std::all_of(port.begin(), port.end(), [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  const int number = std::stoi(std::string(port));
  const bool v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (v6) {
    host = host.substr(1, host.size() - 2);
  }
  return number >= 1 && number <= 65535 && all_of(host, v6 ? ":.%-_" : ".-_");
}

void check_environment(const Environment& environment, bool needs_address, const std::string& path,
                       FieldErrors& errors) {
  if (environment.name.empty() || environment.name.size() > 63 ||
      !all_of(environment.name, "._-")) {
    errors.add(path + ".name", "must have 1 to 63 of A-Z, a-z, 0-9, '.', '_' and '-', e.g. blue");
  }
  if (environment.addresses.empty() && needs_address) {
    errors.add(path + ".address", "is missing; write host:port, e.g. 127.0.0.1:9001");
  }
  errors.at_most(path + ".addresses", environment.addresses.size(), kMaxAddresses);
  for (std::size_t i = 0; i < std::min(environment.addresses.size(), kMaxAddresses); ++i) {
    if (!is_host_port(environment.addresses[i])) {
      errors.add(environment.addresses.size() == 1 ? path + ".address"
                                                   : fmt::format("{}.addresses[{}]", path, i),
                 "must be host:port with a port from 1 to 65535, e.g. 127.0.0.1:9001");
    }
  }
  const HealthCheck& health = environment.health;
  if (!health.path.starts_with('/') || health.path.size() > 1024 ||
      std::any_of(health.path.begin(), health.path.end(),
                  [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; })) {
    errors.add(path + ".health.path", "must start with '/' and hold no white space, e.g. /healthz");
  }
  errors.duration(path + ".health.timeout", health.timeout, milliseconds(1), seconds(300));
  errors.range(path + ".health.healthyThreshold", health.healthy_threshold, 1, 100);
  if (health.expected_status != 0) {
    errors.range(path + ".health.expectedStatus", health.expected_status, 100, 599);
  }
}

std::set<std::string_view> check_environments(const TrafficTargetSpec& spec, FieldErrors& errors) {
  if (spec.environments.empty()) {
    errors.add("spec.environments",
               "is empty; name at least one, e.g. {name: blue, address: \"127.0.0.1:9001\"}");
  }
  errors.at_most("spec.environments", spec.environments.size(), kMaxEnvironments);
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < std::min(spec.environments.size(), kMaxEnvironments); ++i) {
    const std::string path = fmt::format("spec.environments[{}]", i);
    const bool needs_address = spec.router.haproxy || !spec.environments[i].backend;
    check_environment(spec.environments[i], needs_address, path, errors);
    if (!names.insert(spec.environments[i].name).second) {
      errors.add(path + ".name", fmt::format("'{}' is there twice; environments have unique names",
                                             shown(spec.environments[i].name)));
    }
  }
  return names;
}

// Exactly one of active and weights, and both name environments that are there.
void check_share(const std::string& path, const std::string& active, const TrafficWeights& weights,
                 const std::set<std::string_view>& names, FieldErrors& errors) {
  if (active.empty() == weights.empty()) {
    errors.add(path + ".active", active.empty()
                                     ? "is missing; write active: NAME, or weights that add up to "
                                       "100"
                                     : "write either active or weights, not both");
  }
  if (names.empty()) {
    return;  // said already
  }
  std::vector<std::string> words;
  for (const std::string_view name : names) {
    words.push_back(shown(name));
  }
  const std::string known = fmt::format("{}", fmt::join(words, ", "));
  if (!active.empty() && !names.contains(active)) {
    errors.add(path + ".active",
               fmt::format("there is no environment '{}'; choose one of {}", shown(active), known));
  }
  std::int64_t sum = 0;
  for (const auto& [name, weight] : weights) {
    const std::string at = path + ".weights." + shown(name);
    if (!names.contains(name)) {
      errors.add(at,
                 fmt::format("there is no environment '{}'; choose one of {}", shown(name), known));
    }
    errors.range(at, weight, 0, 100);
    sum += weight;
  }
  if (!weights.empty() && sum != 100) {
    errors.add(path + ".weights", fmt::format("add up to {}; they must add up to 100", sum));
  }
}

void check_router(const RouterRef& router, FieldErrors& errors) {
  if (!router.haproxy) {
    return;
  }
  const HaproxyRouter& haproxy = *router.haproxy;
  // Only these characters reach the Runtime API, so that no name can carry a second command.
  if (haproxy.backend.empty() || haproxy.backend.size() > 128 || !all_of(haproxy.backend, "._-:")) {
    errors.add("spec.router.haproxy.backend",
               "must have 1 to 128 of A-Z, a-z, 0-9, '.', '_', ':' and '-', e.g. shop");
  }
  const auto path = [&](const std::string& field, std::string_view value) {
    const bool broken = std::any_of(value.begin(), value.end(), [](char c) {
      return static_cast<unsigned char>(c) < ' ' || c == 0x7F || c == ';';
    });
    if (broken || value.size() > kMaxPathBytes) {
      errors.add(field, "must be the path of a file, e.g. /run/haproxy/admin.sock");
    }
  };
  path("spec.router.haproxy.socket", haproxy.socket);
  path("spec.router.haproxy.stateFile", haproxy.state_file);
  if (haproxy.socket.empty()) {
    errors.add("spec.router.haproxy.socket",
               "is missing; write the path of HAProxy's admin socket");
  } else if (haproxy.socket.size() > 107) {
    errors.add("spec.router.haproxy.socket", "a socket's path has at most 107 bytes");
  }
}

}  // namespace

void check(const FeatureFlagSpec& spec, FieldErrors& errors) {
  if (spec.key.empty()) {
    errors.add("spec.key", "is empty; write what applications ask for, e.g. new_checkout");
  }
  errors.text("spec.key", spec.key, 512);
  check_variants(spec, errors);
  check_variant_name(spec, "spec.defaultVariant", spec.default_variant, errors);
  check_variant_name(spec, "spec.offVariant", spec.off_variant, errors);
  if (!spec.targeting.empty() && spec.targeting != "{}") {
    errors.add("spec.targeting", "rules come with a later version; write {} or leave it out");
  }
  check_sinks(spec.sinks, errors);
  if (!spec.override) {
    return;
  }
  check_override(*spec.override, errors);
  if (!spec.override->enabled && !spec.override->variant) {
    errors.add("spec.override", "says nothing; write enabled: false, or variant: NAME");
  }
  if (spec.override->variant) {
    check_variant_name(spec, "spec.override.variant", *spec.override->variant, errors);
  }
}

void check(const TrafficTargetSpec& spec, FieldErrors& errors) {
  const std::set<std::string_view> names = check_environments(spec, errors);
  check_share("spec", spec.active, spec.weights, names, errors);
  check_router(spec.router, errors);
  check_cluster_traffic(spec, errors);
  const TrafficVerification& verification = spec.verification;
  check_http_url("spec.verification.url", verification.url, errors);
  errors.duration("spec.verification.window", verification.window, Duration::zero(), hours(1));
  errors.duration("spec.verification.interval", verification.interval, milliseconds(1),
                  seconds(60));
  errors.duration("spec.verification.timeout", verification.timeout, milliseconds(1), seconds(300));
  errors.range("spec.verification.maxFailures", verification.max_failures, 0, 1'000'000);
  if (spec.override) {
    check_share("spec.override", spec.override->active, spec.override->weights, names, errors);
    check_override(*spec.override, errors);
  }
}

}  // namespace ripcord
