// SPDX-License-Identifier: Apache-2.0
// The corpus as a real API server sees it: same verdict, same field as the codec (unit_crds).
#include "tests/support/crds/corpus.h"

#include "tests/integration/crds/crd_server.h"
#include "tests/support/crds/schema.h"

#include <algorithm>
#include <iostream>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

Kind kind_of(const CorpusCase& one) {
  for (const Kind kind : kAllKinds) {
    if (one.file == std::string(snake_name(kind)) + ".yaml") {
      return kind;
    }
  }
  throw std::runtime_error(one.file + " is named after no kind");
}

TEST(CorpusOnTheServer, GivesTheVerdictOfTheCodecAndNamesTheSameField) {
  REQUIRE_CONTROL_PLANE();
  std::map<Kind, std::string> told;
  std::size_t agreed = 0;
  std::size_t apart = 0;
  for (const CorpusCase& one : read_corpus()) {
    const ApiReply reply = crd_server().post(kind_of(one), one.manifest, "&dryRun=All");
    const std::string what = one.file + ": " + one.name + "\n" + reply.text;
    if (const codec::Node* message = reply.body.find("message")) {
      told[kind_of(one)] += message->text + "\n";
    }
    const bool accepts = one.field.empty() || one.server_accepts;
    EXPECT_EQ(reply.code == 201, accepts) << what;
    EXPECT_THAT(reply.code, testing::AnyOf(201, 400, 422)) << what;
    if (!accepts) {
      // A message may end in a log: it repeats no URL's password.
      EXPECT_THAT(reply.text, testing::Not(testing::HasSubstr("ter2"))) << what;
    }
    if (one.server_accepts) {
      std::cout << one.file << ": " << one.name << ": the server accepts it, since " << one.because
                << "\n";
      ++apart;
      continue;
    }
    if (!accepts) {
      EXPECT_THAT(reply.fields(), testing::Contains(one.server_field)) << what;
    }
    ++agreed;
  }
  std::cout << agreed << " agree, " << apart << " cannot\n";
  EXPECT_GT(agreed, 200U);
  // Each rule of a spec has had its say (unit_crds: each bound). Those with oldSelf are of a
  // change.
  for (const Crd& crd : load_crds()) {
    walk_schema(crd.schema(), "", [&](const std::string& path, const codec::Node& schema) {
      const codec::Node* rules = schema.find("x-kubernetes-validations");
      for (std::size_t i = 0;
           rules != nullptr && path.starts_with("spec") && i < rules->items.size(); ++i) {
        const codec::Node& rule = rules->items[i];
        if (field_at(rule, "rule").text.find("oldSelf") == std::string::npos) {
          EXPECT_NE(told[crd.kind].find(field_at(rule, "message").text), std::string::npos)
              << crd.file << " " << path << ": " << field_at(rule, "message").text;
        }
      }
    });
  }
}

}  // namespace
}  // namespace ripcord
