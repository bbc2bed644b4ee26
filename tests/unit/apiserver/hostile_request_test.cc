// SPDX-License-Identifier: Apache-2.0
// What the object store's contract over HTTP does not ask: requests that no good client sends.
#include "adapters/apiserver/embedded_catalog.h"
#include "adapters/apiserver/resource_service.h"
#include "adapters/memory/object_store.h"

#include <gtest/gtest.h>

namespace ripcord::apiserver {
namespace {

constexpr const char* kFlags = "/apis/ripcord.dev/v1alpha1/namespaces/default/featureflags";
constexpr const char* kFlag = R"({"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag",
  "metadata":{"name":"a","namespace":"default"},"spec":{"enabled":false}})";

class HostileRequest : public testing::Test {
 protected:
  ServedResponse send(const std::string& method, const std::string& path,
                      const std::string& body = {}, const std::string& query = {},
                      const std::string& origin = {}) {
    ServedRequest request;
    request.method = method;
    request.path = path;
    request.query = query;
    request.body = body;
    if (!origin.empty()) {
      request.headers["origin"] = origin;
    }
    return service_.serve(request);
  }
  SystemClock clock_;
  MemoryObjectStore store_{clock_};
  ResourceService service_{store_, clock_, embedded_catalog().value(), "v1.36.0"};
};

TEST_F(HostileRequest, RefusesChangesThatABrowserSendsForAPage) {
  EXPECT_EQ(send("POST", kFlags, kFlag, {}, "https://evil.example").status, 403);
  EXPECT_EQ(store_.list(Kind::kFeatureFlag)->items.size(), 0U);
  ASSERT_EQ(send("POST", kFlags, kFlag).status, 201);
  const std::string one = std::string(kFlags) + "/a";
  EXPECT_EQ(send("DELETE", one, {}, {}, "null").status, 403);
  EXPECT_EQ(send("GET", one, {}, {}, "https://evil.example").status, 200);
}

TEST_F(HostileRequest, BoundsTheTimeOfAWatch) {
  for (const char* seconds : {"9223372036854775807", "-1", "99999999999999999999", "x", ""}) {
    const ServedResponse watch =
        send("GET", kFlags, {}, std::string("watch=true&timeoutSeconds=") + seconds);
    EXPECT_EQ(watch.status, 200) << seconds;
    EXPECT_NE(watch.stream, nullptr) << seconds;
  }
}

}  // namespace
}  // namespace ripcord::apiserver
