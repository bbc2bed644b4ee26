// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/selector.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

Status refused(std::string_view selector, std::string_view why) {
  return {StatusCode::kInvalidArgument,
          fmt::format("unable to parse the selector '{}': {}", selector.substr(0, 128), why),
          "BadRequest"};
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  return text;
}

// Parts between commas that are in no parentheses.
std::vector<std::string_view> terms_of(std::string_view text) {
  std::vector<std::string_view> terms;
  int depth = 0;
  std::size_t start = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ',' && depth == 0)) {
      terms.push_back(trimmed(text.substr(start, i - start)));
      start = i + 1;
    } else {
      depth += text[i] == '(' ? 1 : text[i] == ')' ? -1 : 0;
    }
  }
  return terms;
}

bool label_text(std::string_view text, bool key) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' ||
           (key && c == '/');
  });
}

}  // namespace

Result<LabelSelector::Term> LabelSelector::parse_term(std::string_view text) {
  Term term;
  std::string_view values;
  bool list = false;
  if (text.starts_with("!")) {
    term.op = Operator::kAbsent;
    term.key = std::string(trimmed(text.substr(1)));
  } else if (const std::size_t open = text.find('('); open != std::string_view::npos) {
    const std::string_view head = trimmed(text.substr(0, open));
    const std::size_t space = head.rfind(' ');
    const std::string_view op =
        space == std::string_view::npos ? std::string_view() : head.substr(space + 1);
    if ((op != "in" && op != "notin") || !text.ends_with(")")) {
      return as_return(refused(text, "write KEY in (A, B) or KEY notin (A, B)"));
    }
    term.op = op == "in" ? Operator::kIn : Operator::kNotIn;
    term.key = std::string(trimmed(head.substr(0, space)));
    values = text.substr(open + 1, text.size() - open - 2);
    list = true;
  } else if (const std::size_t equals = text.find('='); equals != std::string_view::npos) {
    const bool negated = equals > 0 && text[equals - 1] == '!';
    const bool doubled = text.substr(equals).starts_with("==");
    term.op = negated ? Operator::kNotIn : Operator::kIn;
    term.key = std::string(trimmed(text.substr(0, equals - (negated ? 1 : 0))));
    term.values.emplace_back(trimmed(text.substr(equals + (doubled ? 2 : 1))));
  } else {
    term.key = std::string(text);
  }
  for (const std::string_view value : list ? terms_of(values) : std::vector<std::string_view>()) {
    term.values.emplace_back(value);
  }
  const bool good_values = std::all_of(term.values.begin(), term.values.end(),
                                       [](const std::string& v) { return label_text(v, false); });
  if (term.key.empty() || !label_text(term.key, true) || !good_values) {
    return as_return(refused(text, "a key or a value is none of a label"));
  }
  return term;
}

Result<LabelSelector> LabelSelector::parse(std::string_view text) {
  LabelSelector selector;
  if (trimmed(text).empty()) {
    return selector;
  }
  for (const std::string_view part : terms_of(text)) {
    ASSIGN_OR_RETURN(Term term, parse_term(part));
    selector.terms_.push_back(std::move(term));
  }
  return selector;
}

bool LabelSelector::matches(const std::map<std::string, std::string>& labels) const {
  return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
    const auto label = labels.find(term.key);
    const bool present = label != labels.end();
    const bool named = present && std::find(term.values.begin(), term.values.end(),
                                            label->second) != term.values.end();
    switch (term.op) {
      case Operator::kIn:
        return named;
      case Operator::kNotIn:
        return !named;
      case Operator::kExists:
        return present;
      case Operator::kAbsent:
        return !present;
    }
    return false;
  });
}

Result<std::vector<FieldTerm>> parse_field_selector(std::string_view text) {
  std::vector<FieldTerm> terms;
  if (trimmed(text).empty()) {
    return terms;
  }
  for (const std::string_view part : terms_of(text)) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return as_return(refused(text, "write FIELD=VALUE or FIELD!=VALUE"));
    }
    const bool negated = part[equals - 1] == '!';
    const bool doubled = part.substr(equals).starts_with("==");
    terms.push_back({std::string(trimmed(part.substr(0, equals - (negated ? 1 : 0)))),
                     std::string(trimmed(part.substr(equals + (doubled ? 2 : 1)))), !negated});
  }
  return terms;
}

Status Selection::select(Kind kind, std::string_view labels, std::string_view fields) {
  ASSIGN_OR_RETURN(labels_, LabelSelector::parse(labels));
  ASSIGN_OR_RETURN(fields_, parse_field_selector(fields));
  const std::vector<std::string>& known = catalog_.selectable_fields(kind);
  for (const FieldTerm& term : fields_) {
    if (term.field != "metadata.name" && term.field != "metadata.namespace" &&
        std::find(known.begin(), known.end(), term.field) == known.end()) {
      return {StatusCode::kInvalidArgument,
              fmt::format("field label not supported: {}", term.field), "BadRequest"};
    }
  }
  return ok_status();
}

bool Selection::matches(const Resource& object) const {
  if ((!ns_.empty() && object.meta.ns != ns_) || !labels_.matches(object.meta.labels)) {
    return false;
  }
  return std::all_of(fields_.begin(), fields_.end(), [&](const FieldTerm& term) {
    const std::string value = term.field == "metadata.name" ? object.meta.name
                              : term.field == "metadata.namespace"
                                  ? object.meta.ns
                                  : catalog_.field_value(object, term.field);
    return (value == term.value) == term.equal;
  });
}

bool Selection::fixed() const {
  return labels_.everything() &&
         std::all_of(fields_.begin(), fields_.end(),
                     [](const FieldTerm& term) { return term.field.starts_with("metadata."); });
}

}  // namespace ripcord::apiserver
