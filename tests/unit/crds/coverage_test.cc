// SPDX-License-Identifier: Apache-2.0
// Every rule and bound of what a person writes has a case in the corpus that breaks it.
#include "controller/codec/codec.h"
#include "controller/codec/json_reader.h"
#include "tests/support/crds/corpus.h"
#include "tests/support/crds/schema.h"

#include <algorithm>
#include <functional>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

using codec::Node;

struct InvalidCase {
  std::string field;
  Node manifest;
};

std::vector<InvalidCase> invalid_cases(Kind kind) {
  std::vector<InvalidCase> found;
  for (const CorpusCase& one : read_corpus()) {
    if (one.file == std::string(snake_name(kind)) + ".yaml" && !one.field.empty()) {
      found.push_back({one.field, *codec::read_json(one.manifest, {}, {}).root});
    }
  }
  return found;
}

// The values at "spec.environments[].name", with where each is: "spec.environments[0].name".
using Visitor = std::function<void(const std::string& field, const Node& value)>;
void visit_values(const Node& value, const std::string& field, std::string_view path,
                  const Visitor& visit) {
  if (path.empty()) {
    visit(field, value);
  } else if (path.starts_with("[]")) {
    for (std::size_t i = 0; i < value.items.size(); ++i) {
      visit_values(value.items[i], fmt::format("{}[{}]", field, i), path.substr(2), visit);
    }
  } else {
    path.remove_prefix(path.starts_with('.') ? 1 : 0);
    const std::string_view key = path.substr(0, path.find_first_of(".["));
    for (const codec::Member& member : value.members) {
      if (key == "*" || key == member.key) {
        visit_values(member.value, field.empty() ? member.key : field + "." + member.key,
                     path.substr(key.size()), visit);
      }
    }
  }
}

std::int64_t code_points(const std::string& text) {
  return std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; });
}

// Whether `value` is outside of a bound, as the words of JSON Schema say it.
bool breaks(std::string_view word, const Node& bound, const Node& value) {
  const std::int64_t limit = bound.integer;
  const bool text = value.type == Node::Type::kString;
  const bool number = value.type == Node::Type::kInteger;
  const auto items = static_cast<std::int64_t>(value.items.size());
  const auto members = static_cast<std::int64_t>(value.members.size());
  if (word == "enum") {
    return std::ranges::none_of(bound.items,
                                [&](const Node& one) { return same_value(one, value); });
  }
  if (word == "pattern") {
    return text && !std::regex_search(value.text.substr(0, 1000), std::regex(bound.text));
  }
  return (word == "maxLength" && text && code_points(value.text) > limit) ||
         (word == "minLength" && text && code_points(value.text) < limit) ||
         (word == "maximum" && number && value.integer > limit) ||
         (word == "minimum" && number && value.integer < limit) ||
         (word == "maxItems" && items > limit) ||
         (word == "minItems" && value.type == Node::Type::kList && items < limit) ||
         (word == "maxProperties" && members > limit) ||
         (word == "minProperties" && value.is_map() && members < limit) ||
         (word == "format" && text && bound.text == "date-time");
}

// `ripcord validate` reads no manifest that could break it.
bool is_beyond_reach(const Node& bound) {
  return bound.integer >= static_cast<std::int64_t>(codec::kMaxDocumentBytes);
}

bool is_bound(const std::string& word) {
  static const std::vector<std::string> kBounds = {
      "enum",     "pattern",  "maxLength", "minLength",     "maximum",      "minimum",
      "maxItems", "minItems", "format",    "maxProperties", "minProperties"};
  return std::ranges::find(kBounds, word) != kBounds.end();
}

class Coverage {
 public:
  explicit Coverage(const Crd& crd) : crd_(crd), cases_(invalid_cases(crd.kind)) {}

  std::vector<std::string> missing() {
    walk_schema(crd_.schema(), "", [this](const std::string& path, const Node& schema) {
      if (path.starts_with("spec")) {
        look_at(path, schema);
      }
    });
    return std::move(missing_);
  }

 private:
  using Breaks = std::function<bool(const Node& value)>;
  // Whether a case names the field `below` a value at `path`, and the value is such.
  bool covered(const std::string& path, const std::string& below, const Breaks& such) const {
    return std::ranges::any_of(cases_, [&](const InvalidCase& one) {
      bool found = false;
      visit_values(one.manifest, "", path, [&](const std::string& field, const Node& value) {
        found = found || (field + below == one.field && such(value));
      });
      return found;
    });
  }
  void want(bool covered, const std::string& path, const std::string& what) {
    if (!covered) {
      missing_.push_back(fmt::format("{} {}: {}", crd_.file, path, what));
    }
  }
  static bool within_bounds(const Node& schema, const Node& value) {
    return std::ranges::none_of(schema.members, [&](const codec::Member& bound) {
      return is_bound(bound.key) && breaks(bound.key, bound.value, value);
    });
  }

  void look_at(const std::string& path, const Node& schema) {
    for (const codec::Member& word : schema.members) {
      if (word.key == "required") {
        for (const Node& name : word.value.items) {
          want(covered(path, "." + name.text,
                       [&](const Node& value) { return value.find(name.text) == nullptr; }),
               path, "required " + name.text);
        }
      } else if (word.key == "x-kubernetes-validations") {
        for (const Node& rule : word.value.items) {
          look_at_rule(path, schema, rule);
        }
      } else if (is_bound(word.key) && (word.key != "format" || word.value.text == "date-time") &&
                 !is_beyond_reach(word.value)) {
        want(covered(path, "",
                     [&](const Node& value) { return breaks(word.key, word.value, value); }),
             path, word.key + " " + codec::to_json(word.value));
      }
    }
  }
  // Which of the rules of a field it is, only an API server can say: integration_crds asks one.
  void look_at_rule(const std::string& path, const Node& schema, const Node& rule) {
    if (field_at(rule, "rule").text.find("oldSelf") != std::string::npos) {
      return;  // of a change; the corpus holds new objects
    }
    const Node* below = rule.find("fieldPath");
    want(covered(path, below == nullptr ? "" : below->text,
                 [&](const Node& value) { return within_bounds(schema, value); }),
         path, "rule: " + field_at(rule, "message").text);
  }

  const Crd& crd_;
  const std::vector<InvalidCase> cases_;
  std::vector<std::string> missing_;
};

TEST(Corpus, HasACaseForEveryRuleAndBoundOfASpec) {
  for (const Crd& crd : load_crds()) {
    for (const std::string& missing : Coverage(crd).missing()) {
      ADD_FAILURE() << missing;
    }
  }
}

}  // namespace
}  // namespace ripcord
