// SPDX-License-Identifier: Apache-2.0
#pragma once
// labelSelector and fieldSelector. Values; parsing fails with BadRequest, naming what is not
// understood.

#include "controller/base/status.h"
#include "controller/codec/api_catalog.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::apiserver {

// "a=b,c!=d,e in (f,g),h notin (i),j,!k"
class LabelSelector {
 public:
  static Result<LabelSelector> parse(std::string_view text);
  bool matches(const std::map<std::string, std::string>& labels) const;
  bool everything() const { return terms_.empty(); }

 private:
  enum class Operator { kIn, kNotIn, kExists, kAbsent };
  struct Term {
    std::string key;
    Operator op = Operator::kExists;
    std::vector<std::string> values;
  };
  static Result<Term> parse_term(std::string_view text);

  std::vector<Term> terms_;
};

// "metadata.name=a,spec.key!=b"
struct FieldTerm {
  std::string field;
  std::string value;
  bool equal = true;
};
Result<std::vector<FieldTerm>> parse_field_selector(std::string_view text);

// Which objects of a kind a request is about.
class Selection {
 public:
  Selection(codec::ApiCatalog catalog, std::string ns) : catalog_(std::move(catalog)), ns_(ns) {}
  // BadRequest for a field that is not selectable.
  Status select(Kind kind, std::string_view labels, std::string_view fields);

  bool matches(const Resource& object) const;
  // No selector: all objects of the namespace.
  bool everything() const { return labels_.everything() && fields_.empty(); }
  // An object that matches always does, as long as it is there.
  bool fixed() const;

 private:
  codec::ApiCatalog catalog_;
  std::string ns_;
  LabelSelector labels_;
  std::vector<FieldTerm> fields_;
};

}  // namespace ripcord::apiserver
