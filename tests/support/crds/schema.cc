// SPDX-License-Identifier: Apache-2.0
#include "tests/support/crds/schema.h"

#include "controller/codec/yaml_reader.h"
#include "crds/embedded_crds.h"

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <stdexcept>

namespace ripcord {
namespace {

using codec::Node;

bool is_true(const Node& schema, std::string_view key) {
  const Node* node = schema.find(key);
  return node != nullptr && node->type == Node::Type::kBool && node->boolean;
}

std::string type_of(const Node& schema) {
  const Node* type = schema.find("type");
  return type == nullptr ? "" : type->text;
}

bool has_type(const Node& value, const std::string& type) {
  switch (value.type) {
    case Node::Type::kBool:
      return type == "boolean";
    case Node::Type::kInteger:
      return type == "integer" || type == "number";
    case Node::Type::kNumber:
      return type == "number";
    case Node::Type::kString:
      return type == "string";
    case Node::Type::kList:
      return type == "array";
    case Node::Type::kMap:
      return type == "object";
    case Node::Type::kNull:
      return false;
  }
  return false;
}

class Checker {
 public:
  std::vector<std::string> take() { return std::move(problems_); }

  void check(const Node& schema, const Node& value, const std::string& path) {
    if (is_true(schema, "x-kubernetes-int-or-string")) {
      require(has_type(value, "integer") || has_type(value, "string"), path, "int or string");
      return;
    }
    const std::string type = type_of(schema);
    if (type.empty()) {
      return;
    }
    if (!has_type(value, type)) {
      require(false, path, "wanted " + type);
      return;
    }
    check_scalar(schema, value, path);
    bounds(schema, path, "minItems", "maxItems", value.items.size());
    bounds(schema, path, "minProperties", "maxProperties", value.members.size());
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      check(field_at(schema, "items"), value.items[i], path + "[" + std::to_string(i) + "]");
    }
    if (value.is_map()) {
      check_members(schema, value, path);
    }
  }

 private:
  void require(bool holds, const std::string& path, const std::string& what) {
    if (!holds) {
      problems_.push_back(path + ": " + what);
    }
  }

  void bounds(const Node& schema, const std::string& path, const char* least, const char* most,
              std::size_t size) {
    const Node* min = schema.find(least);
    const Node* max = schema.find(most);
    const auto actual = static_cast<std::int64_t>(size);
    require(min == nullptr || actual >= min->integer, path, least);
    require(max == nullptr || actual <= max->integer, path, most);
  }

  void check_scalar(const Node& schema, const Node& value, const std::string& path) {
    if (const Node* words = schema.find("enum")) {
      require(std::any_of(words->items.begin(), words->items.end(),
                          [&](const Node& word) { return word.text == value.text; }),
              path, "not in enum: " + value.text);
    }
    if (value.type == Node::Type::kString) {
      bounds(schema, path, "minLength", "maxLength", value.text.size());
      if (const Node* pattern = schema.find("pattern")) {
        require(std::regex_search(value.text, std::regex(pattern->text)), path, "pattern");
      }
    }
    if (value.type == Node::Type::kInteger) {
      const Node* min = schema.find("minimum");
      const Node* max = schema.find("maximum");
      require(min == nullptr || value.integer >= min->integer, path, "minimum");
      require(max == nullptr || value.integer <= max->integer, path, "maximum");
    }
  }

  void check_members(const Node& schema, const Node& value, const std::string& path) {
    const Node* properties = schema.find("properties");
    const Node* additional = schema.find("additionalProperties");
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const codec::Member& member : value.members) {
      const Node* known = properties == nullptr ? nullptr : properties->find(member.key);
      if (known == nullptr) {
        known = additional;
      }
      if (known != nullptr) {
        check(*known, member.value, prefix + member.key);
      } else if (path != "metadata") {
        require(is_true(schema, "x-kubernetes-preserve-unknown-fields"), prefix + member.key,
                "unknown field");
      }
    }
    if (const Node* required = schema.find("required")) {
      for (const Node& name : required->items) {
        require(value.find(name.text) != nullptr, prefix + name.text, "is required");
      }
    }
  }

  std::vector<std::string> problems_;
};

Node sample_text(const Node& schema) {
  if (const Node* words = schema.find("enum")) {
    return words->items.front();
  }
  const Node* pattern = schema.find("pattern");
  if (pattern != nullptr && pattern->text.find("(ns|us|") != std::string::npos) {
    return Node::string_of("1h");  // a duration
  }
  const Node* format = schema.find("format");
  return Node::string_of(format != nullptr && format->text == "date-time" ? "2024-01-15T12:00:00Z"
                                                                          : "a");
}

}  // namespace

const Node& field_at(const Node& node, std::string_view key) {
  const Node* found = node.find(key);
  if (found == nullptr) {
    throw std::runtime_error("no field " + std::string(key));
  }
  return *found;
}

const Node& Crd::version() const {
  return field_at(field_at(root, "spec"), "versions").items.at(0);
}

const Node& Crd::schema() const {
  return field_at(field_at(version(), "schema"), "openAPIV3Schema");
}

std::vector<Crd> load_crds() {
  std::vector<Crd> crds;
  for (const Kind kind : kAllKinds) {
    const std::string name = "ripcord.dev_" + std::string(plural(kind)) + ".yaml";
    for (const crds::EmbeddedFile& file : crds::embedded_crds()) {
      if (file.name != name) {
        continue;
      }
      codec::YamlStream stream = codec::read_yaml(file.text, 1, {});
      if (stream.problem || stream.documents.size() != 1) {
        throw std::runtime_error(name + " is not one YAML document");
      }
      crds.push_back({kind, name, std::move(stream.documents.front())});
    }
  }
  return crds;
}

void walk_schema(const Node& schema, const std::string& path, const SchemaVisitor& visit) {
  visit(path, schema);
  if (const Node* properties = schema.find("properties")) {
    for (const codec::Member& member : properties->members) {
      walk_schema(member.value, path.empty() ? member.key : path + "." + member.key, visit);
    }
  }
  if (const Node* items = schema.find("items")) {
    walk_schema(*items, path + "[]", visit);
  }
  if (const Node* additional = schema.find("additionalProperties")) {
    walk_schema(*additional, path + ".*", visit);
  }
}

std::vector<std::string> schema_problems(const Node& schema, const Node& value,
                                         const std::string& path) {
  Checker checker;
  checker.check(schema, value, path);
  return checker.take();
}

Node with_schema_defaults(const Node& schema, Node value) {
  if (value.is_map()) {
    if (const Node* properties = schema.find("properties")) {
      for (const codec::Member& member : properties->members) {
        const Node* written = value.find(member.key);
        const Node* fallback = member.value.find("default");
        if (written != nullptr) {
          value.set(member.key, with_schema_defaults(member.value, *written));
        } else if (fallback != nullptr) {
          value.set(member.key, with_schema_defaults(member.value, *fallback));
        }
      }
    }
  }
  for (Node& item : value.items) {
    item = with_schema_defaults(field_at(schema, "items"), std::move(item));
  }
  return value;
}

Node full_sample(const Node& schema) {
  const std::string type = type_of(schema);
  if (const Node* fallback = schema.find("default"); fallback != nullptr && type != "object") {
    return *fallback;
  }
  if (type == "object") {
    Node map = Node::map();
    if (const Node* properties = schema.find("properties")) {
      for (const codec::Member& member : properties->members) {
        map.set(member.key, full_sample(member.value));
      }
    }
    if (const Node* additional = schema.find("additionalProperties")) {
      map.set("a", full_sample(*additional));
    }
    return map;
  }
  if (type == "array") {
    Node list = Node::list();
    const Node* most = schema.find("maxItems");
    if (most == nullptr || most->integer > 0) {
      list.items.push_back(full_sample(field_at(schema, "items")));
    }
    return list;
  }
  if (type == "integer" || type == "number") {
    const Node* least = schema.find("minimum");
    return Node::integer_of(least == nullptr ? 1 : std::max<std::int64_t>(least->integer, 1));
  }
  return type == "string" ? sample_text(schema) : Node::boolean_of(true);
}

}  // namespace ripcord
