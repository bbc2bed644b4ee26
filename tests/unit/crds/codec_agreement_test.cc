// SPDX-License-Identifier: Apache-2.0
// The schema and the codec know the same fields, types, words and defaults.
#include "controller/codec/codec.h"
#include "controller/codec/json_reader.h"
#include "controller/codec/resource_codec.h"
#include "controller/codec/yaml_reader.h"
#include "tests/support/crds/schema.h"
#include "tests/support/paths/paths.h"
#include "tests/unit/codec/random_resource.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

namespace fs = std::filesystem;
using codec::Node;

const Crd& crd_of(const std::vector<Crd>& crds, Kind kind) {
  return crds.at(static_cast<std::size_t>(kind));
}

Node parse(const std::string& json) {
  codec::JsonValue value = codec::read_json(json, {1, 1}, {});
  EXPECT_TRUE(value.root) << json;
  return value.root ? *value.root : Node();
}

std::string slurp(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Random texts and numbers break bounds; what counts here are names and types.
bool is_of_shape(const std::string& problem) {
  return problem.find("unknown field") != std::string::npos ||
         problem.find("wanted") != std::string::npos ||
         problem.find("not in enum") != std::string::npos ||
         (problem.starts_with("status") && problem.find("required") != std::string::npos);
}

TEST(CodecAndSchema, EveryFieldThatTheCodecWritesIsInTheSchema) {
  const std::vector<Crd> crds = load_crds();
  const std::uint64_t seed = 20'240'115;
  RandomResource random(seed);
  for (int i = 0; i < 200; ++i) {
    const Resource object = random.next();
    const std::string json = codec::encode(object);
    for (const std::string& problem :
         schema_problems(crd_of(crds, object.kind()).schema(), parse(json))) {
      ASSERT_FALSE(is_of_shape(problem)) << problem << " seed " << seed << "\n" << json;
    }
  }
}

TEST(CodecAndSchema, EveryFieldOfTheSchemaIsKnownToTheCodec) {
  for (const Crd& crd : load_crds()) {
    Node object = full_sample(crd.schema());
    object.set("apiVersion", Node::string_of(std::string(kApiVersion)));
    object.set("kind", Node::string_of(std::string(to_string(crd.kind))));
    Node metadata = Node::map();
    metadata.set("name", Node::string_of("a"));
    object.set("metadata", std::move(metadata));
    codec::Problems problems;
    const auto read = codec::resource_of(object, codec::Origin::kStored, problems);
    EXPECT_TRUE(read);
    for (const codec::Problem& problem : problems) {
      EXPECT_THAT(problem.message, testing::HasSubstr("not both")) << crd.file << problem.field;
    }
  }
}

TEST(CodecAndSchema, HaveTheSameDefaults) {
  const std::vector<Crd> crds = load_crds();
  for (
      const auto& [kind, spec] : std::vector<std::pair<Kind, std::string>>{
          {Kind::kFeatureFlag, "{}"},
          {Kind::kTrafficTarget,
           R"({"environments":[{"name":"blue","address":"b:1"}],"active":"blue","override":{"active":"blue"}})"},
          {Kind::kMigrationVersion,
           R"({"database":{"urlFrom":{"env":"A"}},"source":{"directory":"d"},"approval":{"version":1}})"},
          {Kind::kRestoreRequest,
           R"({"database":{"urlFrom":{"env":"A"}},"backup":"b","catalog":{"directory":"d"}})"}}) {
    const std::string json = R"({"apiVersion":"ripcord.dev/v1alpha1","kind":")" +
                             std::string(to_string(kind)) + R"(","metadata":{"name":"a"},"spec":)" +
                             spec + "}";
    const Node filled = with_schema_defaults(crd_of(crds, kind).schema(), parse(json));
    const auto plain = codec::decode(json);
    const auto defaulted = codec::decode(codec::to_json(filled));
    ASSERT_TRUE(plain);
    ASSERT_TRUE(defaulted);
    EXPECT_TRUE(*plain == *defaulted) << codec::encode(*plain) << codec::encode(*defaulted);
    // And nothing that the codec fills in is missing from the schema.
    const Node written = parse(codec::encode(*plain));
    for (const codec::Member& field : field_at(written, "spec").members) {
      EXPECT_TRUE(field_at(filled, "spec").find(field.key) != nullptr || field.key == "key")
          << to_string(kind) << " " << field.key;
    }
  }
}

// The documents of a file, and of the objects in its lists.
std::vector<Node> objects_in(const std::string& text) {
  std::vector<Node> objects;
  for (Node& document : codec::read_yaml(text, 1, {}).documents) {
    if (const Node* items = document.find("items")) {
      objects.insert(objects.end(), items->items.begin(), items->items.end());
    } else {
      objects.push_back(std::move(document));
    }
  }
  return objects;
}

std::size_t check_objects(const std::vector<Crd>& crds, const std::string& text,
                          const std::string& origin) {
  std::size_t checked = 0;
  for (Node& object : objects_in(text)) {
    object.erase("status");  // not looked at in a manifest
    const Node* word = object.find("kind");
    const std::optional<Kind> kind = word == nullptr ? std::nullopt : kind_from_name(word->text);
    if (!kind || object.find("spec") == nullptr || object.find("spec")->is_null()) {
      continue;
    }
    ++checked;
    for (const std::string& problem : schema_problems(crd_of(crds, *kind).schema(), object)) {
      // Nulls count as absent on the server; the subset here does not prune.
      EXPECT_THAT(origin, testing::HasSubstr("null")) << origin << " " << problem;
    }
  }
  return checked;
}

TEST(CodecAndSchema, GoldenManifestsFitTheSchema) {
  const std::vector<Crd> crds = load_crds();
  std::size_t checked = 0;
  for (const auto& entry :
       fs::recursive_directory_iterator(fs::path(source_dir()) / "tests/golden")) {
    const fs::path& path = entry.path();
    if (path.parent_path().filename() == "valid" && path.extension() == ".yaml") {
      checked += check_objects(crds, slurp(path), path);
    }
  }
  EXPECT_GT(checked, 20U);
}

TEST(CodecAndSchema, TheExamplesOfTheDocumentationAndTheQuickstartFitTheSchema) {
  const std::vector<Crd> crds = load_crds();
  std::size_t checked = 0;
  for (const char* folder : {"docs", "manifests"}) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(source_dir()) / folder)) {
      const std::string name = entry.path().filename();
      const std::string text = entry.is_regular_file() ? slurp(entry.path()) : "";
      if (name.ends_with(".yaml") || name.ends_with(".yaml.in")) {
        checked += check_objects(crds, text, entry.path());
      }
      for (std::size_t at = 0;
           name.ends_with(".md") && (at = text.find("```yaml\n", at)) != std::string::npos;) {
        const std::size_t end = text.find("```", at + 8);
        checked += check_objects(crds, text.substr(at + 8, end - at - 8), entry.path());
        at = end;
      }
    }
  }
  EXPECT_GT(checked, 10U);
}

}  // namespace
}  // namespace ripcord
