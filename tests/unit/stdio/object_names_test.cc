// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/object_names.h"

#include "controller/model/validation.h"

#include <set>

#include <gtest/gtest.h>

namespace ripcord::stdio {
namespace {

bool is_dns_label(const std::string& name) {
  return !name.empty() && name.size() <= 63 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string::npos &&
         name.front() != '-' && name.back() != '-';
}

TEST(ObjectNames, AnyTextGivesALabelAndNoTwoTheSame) {
  const std::string long_text(300, 'x');
  const std::vector<std::string> texts = {
      "new_checkout", "new-checkout", "New-Checkout", "new.checkout", "Ünï/∂", "∂", "/", "-", "--",
      "a-", "-a", " ", long_text, long_text + "y", "kube.system", "..", std::string(1, '\0'),
      // The name of "new_checkout", sent as a feature.
      object_name("new_checkout")};
  std::set<std::string> names;
  for (const std::string& text : texts) {
    const std::string name = object_name(text);
    EXPECT_TRUE(is_dns_label(name)) << name;
    EXPECT_TRUE(names.insert(name).second) << name << " for " << text;
    EXPECT_EQ(object_name(text), name);
  }
}

TEST(ObjectNames, ALabelIsItsOwnName) {
  EXPECT_EQ(object_name("new-checkout"), "new-checkout");
}

TEST(ObjectNames, KeepsWhatCanBeRead) {
  EXPECT_EQ(object_name("New_Checkout").substr(0, 13), "new-checkout-");
}

TEST(ObjectNames, TheSaltMakesAnotherName) {
  EXPECT_NE(object_name("backup", "a"), object_name("backup", "b"));
  EXPECT_NE(object_name("backup", ""), object_name("backup"));
  EXPECT_TRUE(is_dns_label(object_name(std::string(300, 'B'), "a")));
}

}  // namespace
}  // namespace ripcord::stdio
