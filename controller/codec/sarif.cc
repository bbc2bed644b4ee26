// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/sarif.h"

#include "controller/codec/json_text.h"

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

std::string message(std::string_view text) {
  return fmt::format(R"({{"text": {}}})", quote_json(text));
}

// A path as a URI reference.
std::string uri_of(std::string_view path) {
  static constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";
  std::string uri = path.substr(0, 1) == "/" ? "file://" : "";
  for (const char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      uri += c;
    } else {
      uri += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return uri;
}

std::string rule_text(const SqlRule& rule) {
  const std::string help = fmt::format("{}: {}. Instead: {}.", rule.id, rule.danger, rule.safe);
  return fmt::format(
      R"({{"id": {}, "shortDescription": {}, "help": {}, "defaultConfiguration": {{"level": "{}"}}}})",
      quote_json(rule.id), message(rule.danger), message(help), to_string(rule.severity));
}

std::size_t index_of(std::string_view id) {
  const auto rules = sql_rules();
  std::size_t at = 0;
  while (at < rules.size() && rules[at].id != id) {
    ++at;
  }
  return at;
}

std::string result_text(const std::string& path, const SqlFinding& finding) {
  std::string suppressed;
  if (finding.waived) {
    suppressed = fmt::format(R"(, "suppressions": [{{"kind": "inSource", "justification": {}}}])",
                             quote_json(*finding.waived));
  }
  return fmt::format(
      R"({{"ruleId": {}, "ruleIndex": {}, "level": "{}", "message": {}, "locations": [{{"physicalLocation": {{"artifactLocation": {{"uri": {}}}, "region": {{"startLine": {}, "startColumn": {}}}}}}}]{}}})",
      quote_json(finding.rule), index_of(finding.rule), to_string(finding.severity),
      message(finding.message), quote_json(uri_of(path)), finding.line, finding.column, suppressed);
}

void append(std::string& list, const std::string& item) {
  list += (list.empty() ? "\n      " : ",\n      ") + item;
}

}  // namespace

std::string sarif_text(const std::vector<LintedFile>& files, std::string_view version) {
  std::string rules;
  for (const SqlRule& rule : sql_rules()) {
    append(rules, rule_text(rule));
  }
  std::string results;
  for (const LintedFile& file : files) {
    for (const SqlFinding& finding : file.findings) {
      append(results, result_text(file.path, finding));
    }
  }
  return fmt::format(
      R"({{
  "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
  "version": "2.1.0",
  "runs": [{{
    "tool": {{"driver": {{"name": "ripcord", "version": {}, "rules": [{}
    ]}}}},
    "columnKind": "unicodeCodePoints",
    "results": [{}
    ]
  }}]
}}
)",
      quote_json(version), rules, results);
}

}  // namespace ripcord::codec
