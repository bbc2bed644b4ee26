// SPDX-License-Identifier: Apache-2.0
#include "adapters/haproxy/server_state.h"

#include "adapters/haproxy/backend_view.h"
#include "tests/support/status_matchers.h"

#include <gtest/gtest.h>

namespace ripcord::haproxy {
namespace {

constexpr std::string_view kHead =
    "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight "
    "srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health "
    "srv_check_state srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord "
    "srv_use_ssl srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";

std::string line(const std::string& address, int op, int admin, int weight,
                 const std::string& fqdn = "-", const std::string& name = "s1") {
  return std::string(kHead) + "3 shop 1 " + name + " " + address + " " + std::to_string(op) + " " +
         std::to_string(admin) + " " + std::to_string(weight) + " 100 1 1 0 2 0 0 0 0 " + fqdn +
         " 9001 - 0 0 - - 0\n";
}

struct StateCase {
  std::string what;
  std::string text;
  std::string described;
  bool in_rotation;
};

TEST(ServersState, StatesAreReadFromTheirBits) {
  const std::vector<StateCase> cases = {
      {"running", line("10.0.0.1", 2, 0, 100), "ready weight 100", true},
      {"slow start", line("10.0.0.1", 1, 0, 100), "ready weight 100", true},
      {"failed its check", line("10.0.0.1", 0, 0, 100), "ready weight 100, not running", true},
      {"forced drain", line("10.0.0.1", 2, 8, 100), "drain weight 100", false},
      {"inherited drain", line("10.0.0.1", 2, 16, 100), "drain weight 100", false},
      {"forced maintenance", line("10.0.0.1", 0, 1, 100), "maint weight 100, not running", false},
      {"configured maintenance", line("10.0.0.1", 0, 5, 100), "maint weight 100, not running",
       false},
      {"was disabled in the configuration, now ready", line("10.0.0.1", 2, 4, 100),
       "ready weight 100", true},
      {"no address", line("10.0.0.1", 0, 32, 100), "maint weight 100, not running", false},
      {"weight 0", line("10.0.0.1", 2, 0, 0), "ready weight 0", false},
  };
  for (const StateCase& given : cases) {
    SCOPED_TRACE(given.what);
    const auto servers = parse_servers_state(given.text);
    ASSERT_OK(servers);
    ASSERT_EQ(servers->size(), 1U);
    EXPECT_EQ(describe(servers->front()), given.described);
    EXPECT_EQ(servers->front().in_rotation(), given.in_rotation);
  }
}

TEST(ServersState, AddressesAreReadInAllTheirForms) {
  EXPECT_EQ(parse_servers_state(line("10.0.0.1", 2, 0, 1))->front().address, "10.0.0.1:9001");
  EXPECT_EQ(parse_servers_state(line("::1", 2, 0, 1))->front().address, "[::1]:9001");
  EXPECT_EQ(parse_servers_state(line("-", 2, 0, 1))->front().address, "");
  const auto named = parse_servers_state(line("10.0.0.1", 2, 0, 1, "Shop.Internal"));
  EXPECT_EQ(named->front().fqdn, "shop.internal:9001");
}

TEST(ServersState, WhatIsNotInTheFormatIsRefused) {
  const std::vector<std::string> broken = {
      "",
      "Unknown command\n",
      "2\n# be_id be_name srv_id\n",
      std::string(kHead) + "3 shop 1 s1 10.0.0.1 2 0\n",
      line("10.0.0.1", 2, 0, 257),
      line("10.0.0.1", -1, 0, 1),
      line("10.0.0.1", 2, 0, 1, "-", "evil;quit"),
      line("10.0.0.1", 2, 0, 1, "-", std::string(129, 'x')),
  };
  for (const std::string& text : broken) {
    SCOPED_TRACE(text);
    EXPECT_CODE(parse_servers_state(text), StatusCode::kInvalidArgument);
  }
}

TEST(ServersState, OnlyNamesThatCannotCarryACommandAreSafe) {
  for (const std::string_view name : {"shop", "a", "web-1.eu_2:x", "0"}) {
    EXPECT_TRUE(is_safe_name(name)) << name;
  }
  for (const std::string_view name :
       {"", "a b", "a;b", "a\nb", "a/b", "a\\b", "a#b", "a\"b", "$(x)", "ä", "a\x7f"}) {
    EXPECT_FALSE(is_safe_name(name)) << name;
  }
  EXPECT_TRUE(is_safe_name(std::string(128, 'x')));
  EXPECT_FALSE(is_safe_name(std::string(129, 'x')));
}

TEST(ServersState, AddressesAreComparedInOneForm) {
  EXPECT_EQ(canonical_address("[0:0:0::1]:080"), "[::1]:80");
  EXPECT_EQ(canonical_address("[2001:DB8::1]:80"), "[2001:db8::1]:80");
  EXPECT_EQ(canonical_address("Shop.Internal:80"), "shop.internal:80");
  EXPECT_EQ(canonical_address("127.0.0.1:80"), "127.0.0.1:80");
}

// Any cut of a good text gives servers or an error, never a wrong server.
TEST(ServersState, ACutTextNeverInventsAServer) {
  const std::string whole = line("10.0.0.1", 2, 8, 100);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto servers = parse_servers_state(whole.substr(0, length));
    if (servers && !servers->empty()) {
      EXPECT_EQ(servers->front().name, "s1");
      EXPECT_EQ(servers->front().weight, 100);
    }
  }
}

}  // namespace
}  // namespace ripcord::haproxy
