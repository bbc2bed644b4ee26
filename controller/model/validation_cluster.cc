// SPDX-License-Identifier: Apache-2.0
// What specs name in a cluster. The names end up in paths of requests, so nothing else gets past.
#include "controller/model/validation_rules.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <string>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::int64_t kMaxReady = 10'000;
constexpr std::size_t kMaxSinks = 8;

bool is_word(std::string_view text, std::string_view signs, std::size_t limit) {
  const auto alphanumeric = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 && static_cast<unsigned char>(c) < 0x80;
  };
  return !text.empty() && text.size() <= limit && alphanumeric(text.front()) &&
         alphanumeric(text.back()) && std::all_of(text.begin(), text.end(), [&](char c) {
           return alphanumeric(c) || signs.find(c) != std::string_view::npos;
         });
}

bool is_lower_word(std::string_view text, std::string_view signs, std::size_t limit) {
  return is_word(text, signs, limit) &&
         std::none_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

bool is_label_key(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) {
    return is_word(key, "-_.", kMaxLabel);
  }
  return is_dns_subdomain(key.substr(0, slash)) && is_word(key.substr(slash + 1), "-_.", kMaxLabel);
}

void check_backend(const EnvironmentBackend& backend, const std::string& path,
                   FieldErrors& errors) {
  if (!is_lower_word(backend.service, "-", kMaxLabel)) {
    errors.add(path + ".service",
               "must be the name of a Service: 1 to 63 of a-z, 0-9 and '-', e.g. shop-green");
  }
  errors.range(path + ".port", backend.port, 0, 65'535);
  errors.range(path + ".minReady", backend.min_ready, 1, kMaxReady);
}

void check_needs(const TrafficTargetSpec& spec, const Environment& environment,
                 const std::string& path, FieldErrors& errors) {
  const bool service = spec.router.kubernetes_service.has_value();
  if ((service || spec.router.http_route) && !environment.backend) {
    errors.add(path + ".backend",
               "is missing; write the Service that has this environment's pods alone, e.g. "
               "{service: shop-green}");
  }
  if (service && environment.selector_value.empty()) {
    errors.add(path + ".selectorValue",
               "is missing; write the value of the label router.kubernetesService.selectorKey that "
               "this environment's pods have, e.g. green");
  }
}

void check_whole_shares(const std::string& path, const TrafficWeights& weights,
                        FieldErrors& errors) {
  if (std::any_of(weights.begin(), weights.end(),
                  [](const auto& item) { return item.second > 0 && item.second < 100; })) {
    errors.add(path,
               "a Service sends everything to one environment; write active, or use "
               "router.httpRoute");
  }
}

}  // namespace

void check_object_name(const std::string& path, const std::string& name, FieldErrors& errors) {
  if (!is_dns_subdomain(name)) {
    errors.add(path,
               "must be the name of an object beside this one: at most 253 of a-z, 0-9, '-' "
               "and '.'");
  }
}

void check_object_key(const std::string& path, const std::string& key, FieldErrors& errors) {
  const bool plain = std::all_of(key.begin(), key.end(), [](char c) {
    return (std::isalnum(static_cast<unsigned char>(c)) != 0 &&
            static_cast<unsigned char>(c) < 0x80) ||
           c == '-' || c == '_' || c == '.';
  });
  if (key.empty() || key.size() > 253 || !plain) {
    errors.add(path, "must be a key of its data: 1 to 253 of A-Z, a-z, 0-9, '-', '_' and '.'");
  }
}

void check_sinks(const std::vector<FlagSink>& sinks, FieldErrors& errors) {
  errors.at_most("spec.sinks", sinks.size(), kMaxSinks);
  for (std::size_t i = 0; i < std::min(sinks.size(), kMaxSinks); ++i) {
    const std::string path = fmt::format("spec.sinks[{}].configMap", i);
    check_object_name(path + ".name", sinks[i].config_map.name, errors);
    check_object_key(path + ".key", sinks[i].config_map.key, errors);
  }
}

void check_cluster_traffic(const TrafficTargetSpec& spec, FieldErrors& errors) {
  std::set<std::string_view> services;
  std::set<std::string_view> values;
  for (std::size_t i = 0; i < spec.environments.size(); ++i) {
    const Environment& environment = spec.environments[i];
    const std::string path = fmt::format("spec.environments[{}]", i);
    check_needs(spec, environment, path, errors);
    if (!environment.selector_value.empty()) {
      if (!is_word(environment.selector_value, "-_.", kMaxLabel)) {
        errors.add(path + ".selectorValue",
                   "must be a label's value: 1 to 63 of A-Z, a-z, 0-9, '-', '_' and '.', e.g. "
                   "green");
      }
      if (!values.insert(environment.selector_value).second) {
        errors.add(path + ".selectorValue", "is there twice; each environment has its own");
      }
    }
    if (environment.backend) {
      check_backend(*environment.backend, path + ".backend", errors);
      if (!services.insert(environment.backend->service).second) {
        errors.add(path + ".backend.service", "is there twice; each environment has its own");
      }
    }
  }
  if (const auto& service = spec.router.kubernetes_service) {
    check_object_name("spec.router.kubernetesService.name", service->name, errors);
    if (!is_label_key(service->selector_key)) {
      errors.add("spec.router.kubernetesService.selectorKey",
                 "must be the key of a label, e.g. version");
    }
    check_whole_shares("spec.weights", spec.weights, errors);
    if (spec.override) {
      check_whole_shares("spec.override.weights", spec.override->weights, errors);
    }
  }
  if (spec.router.http_route) {
    check_object_name("spec.router.httpRoute.name", spec.router.http_route->name, errors);
  }
}

}  // namespace ripcord
