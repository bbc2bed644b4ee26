// SPDX-License-Identifier: Apache-2.0
#include "adapters/http/address.h"

#include "tests/support/status_matchers.h"

namespace ripcord::http {
namespace {

TEST(BindAddress, TakesHostAndPortInTheUsualForms) {
  const struct {
    const char* text;
    BindAddress wanted;
  } cases[] = {{"127.0.0.1:8082", {"127.0.0.1", 8082}},
               {":8080", {"", 8080}},
               {"localhost:0", {"localhost", 0}},
               {"[::1]:65535", {"::1", 65535}}};
  for (const auto& c : cases) {
    const auto address = parse_bind_address(c.text);
    SCOPED_TRACE(c.text);
    ASSERT_OK(address);
    EXPECT_EQ(*address, c.wanted) << c.text;
  }
}

TEST(BindAddress, RefusesWhatIsNoneAndSaysHowToWriteIt) {
  for (const char* text : {"", "8080", "127.0.0.1", "host:", "host:65536", "host:-1", "host:80x",
                           "::1:80", "a b:80", "http://x:80"}) {
    const auto address = parse_bind_address(text);
    SCOPED_TRACE(text);
    EXPECT_CODE(address, StatusCode::kInvalidArgument);
    EXPECT_THAT(address.error().message(), testing::HasSubstr("host:port")) << text;
  }
}

}  // namespace
}  // namespace ripcord::http
