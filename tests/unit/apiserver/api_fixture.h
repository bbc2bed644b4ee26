// SPDX-License-Identifier: Apache-2.0
#pragma once
// The resource API over a memory store with a clock that stands still, asked without a network.

#include "adapters/apiserver/embedded_catalog.h"
#include "adapters/apiserver/event_ring.h"
#include "adapters/apiserver/resource_service.h"
#include "adapters/memory/object_store.h"
#include "tests/support/sample_objects.h"
#include "tests/support/status_matchers.h"

#include <map>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace ripcord::apiserver {

inline const std::string kFlags = "/apis/ripcord.dev/v1alpha1/namespaces/default/featureflags";
inline const std::string kMerge = "application/merge-patch+json";
inline const std::string kJson = "application/json-patch+json";
inline const std::string kApply = "application/apply-patch+yaml";

struct Answer {
  int code = 0;
  nlohmann::json body;
  std::string text;
  std::vector<std::pair<std::string, std::string>> headers;
};

// Parsed once: it takes its time in an unoptimized build.
inline const codec::ApiCatalog& shared_catalog() {
  static const codec::ApiCatalog kCatalog = embedded_catalog().value();
  return kCatalog;
}

class ApiTest : public testing::Test {
 protected:
  ServedResponse raw(const std::string& method, const std::string& path,
                     const std::string& body = {},
                     std::map<std::string, std::string> headers = {}) {
    ServedRequest request;
    const std::size_t query = path.find('?');
    request.method = method;
    request.path = path.substr(0, query);
    request.query = query == std::string::npos ? "" : path.substr(query + 1);
    request.headers = std::move(headers);
    request.body = body;
    return service_.serve(request);
  }
  Answer ask(const std::string& method, const std::string& path, const std::string& body = {},
             std::map<std::string, std::string> headers = {}) {
    ServedResponse response = raw(method, path, body, std::move(headers));
    return {response.status, nlohmann::json::parse(response.body, nullptr, false), response.body,
            response.headers};
  }
  Answer get(const std::string& path, const std::string& accept = {}) {
    return ask("GET", path, {}, {{"accept", accept}});
  }
  Answer patch(const std::string& type, const std::string& path, const std::string& body) {
    return ask("PATCH", path, body, {{"content-type", type}});
  }
  Answer apply(const std::string& manager, const std::string& spec, const std::string& more = {}) {
    return patch(
        kApply, kFlags + "/a?fieldManager=" + manager + more,
        R"({"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag","metadata":{"name":"a"},"spec":)" +
            spec + "}");
  }
  ResourcePtr flag(const std::string& name) { return store_.create(sample_flag(name)).value(); }

  SimulatedClock clock_;
  MemoryObjectStore store_{clock_};
  EventRing events_{clock_};
  ResourceService service_{store_, clock_, shared_catalog(), "v1.36.0", &events_};
};

}  // namespace ripcord::apiserver
