// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/sql_review.h"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kMark = "ripcord:allow";
constexpr std::string_view kBlank = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

struct Waiver {
  std::string_view rule;
  std::string_view reason;
  std::size_t offset = 0;
  std::size_t statement = 0;  // index; the number of statements: of none
  bool used = false;
};

std::vector<std::string_view> names_in(std::string_view list) {
  std::vector<std::string_view> names;
  while (!list.empty()) {
    const std::size_t end = list.find_first_of(", \t");
    const std::string_view name = trimmed(list.substr(0, end));
    if (!name.empty()) {
      names.push_back(name);
    }
    list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
  }
  return names;
}

class Waivers {
 public:
  Waivers(SqlDialect dialect, std::string_view script, const std::vector<StatementSpan>& spans)
      : script_(script), spans_(spans) {
    if (script.find(kMark) == std::string_view::npos) {
      return;
    }
    for (const SqlComment& comment : sql_comments(dialect, script)) {
      read(comment);
    }
  }

  void apply(const RawFinding& raw, SqlFinding& finding) {
    const std::size_t statement = statement_at(raw.offset);
    for (Waiver& waiver : all_) {
      if (waiver.statement == statement && waiver.rule == finding.rule) {
        waiver.used = true;
        if (!waiver.reason.empty()) {
          finding.waived = std::string(waiver.reason);
        }
      }
    }
  }

  // What is wrong with the waivers; call it after all are applied.
  std::vector<RawFinding> problems() const {
    std::vector<RawFinding> found;
    for (const Waiver& waiver : all_) {
      const bool known = find_sql_rule(waiver.rule) != nullptr;
      const char* id = !known                  ? "waiver-of-unknown-rule"
                       : waiver.reason.empty() ? "waiver-without-reason"
                       : waiver.used           ? nullptr
                                               : "unused-waiver";
      if (id != nullptr) {
        const SqlRule& rule = *find_sql_rule(id);
        found.push_back({&rule, rule.severity, waiver.offset,
                         finding_message(rule, fmt::format("ripcord:allow {}", waiver.rule))});
      }
    }
    return found;
  }

 private:
  void read(const SqlComment& comment) {
    std::string_view text = comment.text.substr(2);
    if (comment.text[0] == '/' && text.ends_with("*/")) {
      text.remove_suffix(2);
    }
    text = trimmed(text);
    if (!text.starts_with(kMark)) {
      return;
    }
    text.remove_prefix(kMark.size());
    const std::size_t colon = text.find(':');
    const std::string_view reason =
        colon == std::string_view::npos ? std::string_view{} : trimmed(text.substr(colon + 1));
    auto names = names_in(text.substr(0, colon));
    if (names.empty()) {
      names.emplace_back();
    }
    for (const std::string_view name : names) {
      all_.push_back({name, reason, comment.offset, owner_of(comment.offset), false});
    }
  }

  // The statement that a comment speaks of.
  std::size_t owner_of(std::size_t offset) const {
    const std::size_t next = first_ending_after(offset);
    if (next > 0) {
      const std::size_t end = spans_[next - 1].end;
      const bool same_line = script_.substr(end, offset - end).find('\n') == std::string_view::npos;
      if (same_line) {
        return next - 1;
      }
    }
    return next;
  }
  std::size_t statement_at(std::size_t offset) const { return first_ending_after(offset); }
  std::size_t first_ending_after(std::size_t offset) const {
    const auto at = std::partition_point(spans_.begin(), spans_.end(),
                                         [&](const auto& span) { return span.end <= offset; });
    return static_cast<std::size_t>(at - spans_.begin());
  }

  std::string_view script_;
  const std::vector<StatementSpan>& spans_;
  std::vector<Waiver> all_;
};

}  // namespace

std::string finding_message(const SqlRule& rule, std::string_view subject) {
  return fmt::format("{}: {}. Instead: {}", subject, rule.danger, rule.safe);
}

PlaceIndex::PlaceIndex(std::string_view script) : script_(script), starts_{0} {
  for (std::size_t at = script.find('\n'); at != std::string_view::npos;
       at = script.find('\n', at + 1)) {
    starts_.push_back(at + 1);
  }
}

std::int32_t PlaceIndex::line(std::size_t offset) const {
  return static_cast<std::int32_t>(std::upper_bound(starts_.begin(), starts_.end(), offset) -
                                   starts_.begin());
}

std::int32_t PlaceIndex::column(std::size_t offset) const {
  const std::size_t start = starts_[static_cast<std::size_t>(line(offset) - 1)];
  const std::string_view before = script_.substr(start, offset - start);
  const auto continued = std::count_if(before.begin(), before.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
  });
  return static_cast<std::int32_t>(before.size()) - static_cast<std::int32_t>(continued) + 1;
}

std::vector<SqlFinding> finish_findings(SqlDialect dialect, std::string_view script,
                                        const std::vector<StatementSpan>& spans,
                                        std::vector<RawFinding> found) {
  if (found.empty() && script.find(kMark) == std::string_view::npos) {
    return {};
  }
  const PlaceIndex places(script);
  Waivers waivers(dialect, script, spans);
  std::vector<SqlFinding> findings;
  const auto add = [&](RawFinding& raw) -> SqlFinding& {
    findings.push_back({raw.rule->id, raw.severity, places.line(raw.offset),
                        places.column(raw.offset), std::move(raw.message), std::nullopt});
    return findings.back();
  };
  for (RawFinding& raw : found) {
    waivers.apply(raw, add(raw));
  }
  for (RawFinding& raw : waivers.problems()) {
    add(raw);
  }
  std::stable_sort(findings.begin(), findings.end(), [](const auto& a, const auto& b) {
    return std::tie(a.line, a.column) < std::tie(b.line, b.column);
  });
  return findings;
}

SqlStatement finish_statement(std::string_view script, const StatementSpan& span, std::int32_t line,
                              bool needs_no_transaction, SqlEffects effects) {
  SqlStatement statement;
  statement.text = script.substr(span.begin, span.end - span.begin);
  statement.line = line;
  statement.needs_no_transaction = needs_no_transaction;
  statement.effect = !effects.unknown.empty() ? DataEffect::kUnknown
                     : !effects.loses.empty() ? DataEffect::kLossy
                                              : DataEffect::kLossless;
  statement.effects = std::move(effects);
  return statement;
}

}  // namespace ripcord::codec
