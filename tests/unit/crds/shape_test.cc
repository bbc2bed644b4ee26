// SPDX-License-Identifier: Apache-2.0
// What a reader of `kubectl explain`, `kubectl get` and the API server expect of every CRD.
#include "crds/embedded_crds.h"
#include "tests/support/crds/schema.h"

#include <map>
#include <regex>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using codec::Node;

// The schema node of "spec.environments[].name"; null when there is none.
const Node* schema_at(const Node& schema, std::string path) {
  const Node* found = nullptr;
  walk_schema(schema, "", [&](const std::string& at, const Node& node) {
    if (at == path) {
      found = &node;
    }
  });
  return found;
}

// ".status.conditions[?(@.type=="Ready")].status" -> "status.conditions[].status"
std::string schema_path(const std::string& json_path) {
  return std::regex_replace(json_path.substr(1), std::regex(R"(\[[^\]]*\])"), "[]");
}

TEST(Crds, ThereIsOneFileForEachKindAndNoOther) {
  EXPECT_EQ(load_crds().size(), kAllKinds.size());
  EXPECT_EQ(crds::embedded_crds().size(), kAllKinds.size());
}

TEST(Crds, NamesAreThoseOfTheModel) {
  std::set<std::string> short_names;
  for (const Crd& crd : load_crds()) {
    const Node& spec = field_at(crd.root, "spec");
    const Node& names = field_at(spec, "names");
    EXPECT_EQ(field_at(spec, "group").text, kApiGroup);
    EXPECT_EQ(field_at(spec, "scope").text, "Namespaced");
    EXPECT_EQ(field_at(names, "kind").text, to_string(crd.kind));
    EXPECT_EQ(field_at(names, "listKind").text, std::string(to_string(crd.kind)) + "List");
    EXPECT_EQ(field_at(names, "plural").text, plural(crd.kind));
    EXPECT_EQ(field_at(field_at(crd.root, "metadata"), "name").text,
              std::string(plural(crd.kind)) + "." + std::string(kApiGroup));
    EXPECT_EQ(field_at(names, "categories").items.at(0).text, "ripcord");
    EXPECT_TRUE(short_names.insert(field_at(names, "shortNames").items.at(0).text).second);
    EXPECT_EQ(std::string(kApiGroup) + "/" + field_at(crd.version(), "name").text, kApiVersion);
  }
}

TEST(Crds, EveryFieldIsExplained) {
  for (const Crd& crd : load_crds()) {
    walk_schema(crd.schema(), "", [&](const std::string& path, const Node& schema) {
      if (path == "metadata") {
        return;  // the API server explains it, and refuses a CRD that does
      }
      const Node* description = schema.find("description");
      ASSERT_NE(description, nullptr) << crd.file << " " << path;
      EXPECT_GE(description->text.size(), 4U) << crd.file << " " << path;
      EXPECT_EQ(description->text.find('\n'), std::string::npos) << crd.file << " " << path;
    });
  }
}

TEST(Crds, EveryDefaultIsNamedInItsExplanation) {
  for (const Crd& crd : load_crds()) {
    walk_schema(crd.schema(), "", [&](const std::string& path, const Node& schema) {
      const Node* fallback = schema.find("default");
      if (fallback == nullptr || fallback->is_map()) {
        return;
      }
      const std::string shown =
          fallback->type == Node::Type::kString ? fallback->text : codec::to_json(*fallback);
      EXPECT_THAT(field_at(schema, "description").text,
                  testing::AnyOf(testing::HasSubstr("Default: " + shown),
                                 testing::HasSubstr("Default: \"" + shown + "\"")))
          << crd.file << " " << path;
    });
  }
}

// What has no bound has a CEL cost that the API server refuses, and can fill etcd.
TEST(Crds, EverythingThatAPersonWritesIsBounded) {
  for (const Crd& crd : load_crds()) {
    walk_schema(crd.schema(), "", [&](const std::string& path, const Node& schema) {
      const Node* type = schema.find("type");
      if (type == nullptr) {
        return;
      }
      const bool spec = path.starts_with("spec");
      const bool word = schema.find("enum") != nullptr || schema.find("format") != nullptr;
      if (type->text == "array") {
        EXPECT_NE(schema.find("maxItems"), nullptr) << crd.file << " " << path;
        EXPECT_NE(schema.find("x-kubernetes-list-type"), nullptr) << crd.file << " " << path;
      }
      if (spec && type->text == "string" && !word) {
        EXPECT_NE(schema.find("maxLength"), nullptr) << crd.file << " " << path;
      }
      if (spec && schema.find("additionalProperties") != nullptr) {
        EXPECT_NE(schema.find("maxProperties"), nullptr) << crd.file << " " << path;
      }
    });
  }
}

TEST(Crds, FreeValuesAreOnlyWhereTheyAreMeant) {
  std::set<std::string> free;
  for (const Crd& crd : load_crds()) {
    walk_schema(crd.schema(), "", [&](const std::string& path, const Node& schema) {
      if (schema.find("x-kubernetes-preserve-unknown-fields") != nullptr) {
        free.insert(std::string(to_string(crd.kind)) + " " + path);
      }
    });
  }
  EXPECT_THAT(free,
              testing::ElementsAre("FeatureFlag spec.targeting", "FeatureFlag spec.variants.*"));
}

TEST(Crds, ANewObjectDoesNotLookObserved) {
  for (const Crd& crd : load_crds()) {
    const Node* status = schema_at(crd.schema(), "status");
    ASSERT_NE(status, nullptr);
    EXPECT_EQ(codec::to_json(field_at(*status, "default")), R"({"observedGeneration":-1})");
    EXPECT_EQ(
        codec::to_json(field_at(*schema_at(crd.schema(), "status.observedGeneration"), "default")),
        "-1");
    EXPECT_NE(field_at(crd.version(), "subresources").find("status"), nullptr);
  }
}

TEST(Crds, ConditionsAreAMapByTypeSoThatSeveralWritersCanApply) {
  for (const Crd& crd : load_crds()) {
    const Node* conditions = schema_at(crd.schema(), "status.conditions");
    ASSERT_NE(conditions, nullptr);
    EXPECT_EQ(field_at(*conditions, "x-kubernetes-list-type").text, "map");
    EXPECT_EQ(codec::to_json(field_at(*conditions, "x-kubernetes-list-map-keys")), R"(["type"])");
  }
}

TEST(Crds, ColumnsAndFieldSelectorsNameFieldsThatAreThere) {
  for (const Crd& crd : load_crds()) {
    std::set<std::string> columns;
    for (const Node& column : field_at(crd.version(), "additionalPrinterColumns").items) {
      const std::string path = schema_path(field_at(column, "jsonPath").text);
      EXPECT_TRUE(path == "metadata.creationTimestamp" || schema_at(crd.schema(), path) != nullptr)
          << crd.file << " " << path;
      EXPECT_NE(column.find("description"), nullptr) << crd.file << " " << path;
      EXPECT_TRUE(columns.insert(field_at(column, "name").text).second) << crd.file << " " << path;
    }
    EXPECT_THAT(columns, testing::IsSupersetOf({"Ready", "Reason", "Message", "Age"}));
    const std::vector<Node>& fields = field_at(crd.version(), "selectableFields").items;
    EXPECT_LE(fields.size(), 8U) << crd.file;
    for (const Node& field : fields) {
      const Node* schema = schema_at(crd.schema(), schema_path(field_at(field, "jsonPath").text));
      ASSERT_NE(schema, nullptr) << crd.file;
      EXPECT_THAT(field_at(*schema, "type").text, testing::AnyOf("string", "boolean", "integer"));
    }
  }
}

// The files repeat what the kinds have in common; it stays the same in all of them.
TEST(Crds, WhatKindsShareIsTheSameInEach) {
  std::map<std::string, std::string> seen;
  for (const Crd& crd : load_crds()) {
    for (const char* path : {"status.conditions", "status.history", "status.observedGeneration",
                             "status.simulated", "status.overridden", "spec.override.reason",
                             "spec.override.by", "spec.override.until", "spec.database.engine",
                             "spec.database.url", "spec.database.urlFrom", "spec.database.path"}) {
      if (const Node* schema = schema_at(crd.schema(), path)) {
        const auto [first, added] = seen.emplace(path, codec::to_json(*schema));
        EXPECT_EQ(first->second, codec::to_json(*schema)) << crd.file << " " << path;
      }
    }
  }
  EXPECT_EQ(seen.size(), 12U);
}

}  // namespace
}  // namespace ripcord
