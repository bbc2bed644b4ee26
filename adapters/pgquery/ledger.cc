// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/ledger.h"

#include "adapters/pgquery/names.h"
#include "controller/codec/sql_lexer.h"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord::pgquery {

Ledger::Ledger(std::string_view script, const MadeObjects* made_by_up)
    : script_(script), made_by_up_(made_by_up) {}

void Ledger::open(const codec::StatementSpan& span) {
  judgements.emplace_back();
  spans_.push_back(span);
  place = {script_, 0, true, span.begin, span.end};
}

void Ledger::make(std::string key, bool certain) {
  made[std::move(key)] = certain && !conditional;
}

void Ledger::make_anew(const std::string& key) {
  withdraw(key);
  make(key);
}

void Ledger::doubt_names() {
  for (auto& [key, certain] : made) {
    certain = false;
  }
}

void Ledger::forget(const std::string& key) {
  made.erase(key);
}

bool Ledger::fresh(std::string_view key) const {
  return made.contains(key) || made.contains(other_spelling(key));
}

bool Ledger::certainly_fresh(std::string_view key) const {
  const auto at = made.find(key);
  return at != made.end() && at->second;
}

bool Ledger::fresh_relation(const std::string& relation) const {
  return fresh(relation_key(relation));
}

void Ledger::lock(LockMode mode, const std::string& relation, TableWork work) {
  if (defining || fresh_relation(relation)) {
    return;
  }
  auto& locks = current().effects.locks;
  const auto same = std::find_if(locks.begin(), locks.end(),
                                 [&](const TakenLock& lock) { return lock.relation == relation; });
  if (same == locks.end()) {
    locks.push_back({mode, relation, work});
  } else {
    same->mode = std::max(same->mode, mode);
    same->work = std::max(same->work, work);
  }
  if (mode >= LockMode::kShareRowExclusive) {
    ddl_locks_.emplace_back(judgements.size() - 1, relation);
  }
}

void Ledger::lose(DataLoss loss) {
  if (!defining) {
    add_loss(current().effects.loses, std::move(loss));
  }
}

void Ledger::breaks(const std::string& why, const std::string& key) {
  std::string& text = current().effects.breaks_previous;
  if (defining || text.find(why) != std::string::npos) {
    return;
  }
  if (text.empty() && !key.empty()) {
    broken_.push_back({judgements.size() - 1, key});
  }
  text += (text.empty() ? "" : ", ") + why;
}

void Ledger::unknown(const std::string& why) {
  std::string& text = current().effects.unknown;
  if (!defining && text.find(why) == std::string::npos) {
    text += (text.empty() ? "" : ", ") + why;
  }
}

void Ledger::find(std::string_view rule, std::size_t offset, const Subject& subject) {
  const SqlRule* known = find_sql_rule(rule);
  if (known == nullptr) {
    throw std::logic_error("no rule " + std::string(rule));
  }
  SqlSeverity severity = std::min(known->severity, subject.at_most.value_or(known->severity));
  std::string message = codec::finding_message(*known, subject.text);
  if (made_by_up_ != nullptr && !subject.key.empty() &&
      (made_by_up_->contains(subject.key) || made_by_up_->contains(other_spelling(subject.key)))) {
    severity = SqlSeverity::kNote;
    message = subject.text +
              " takes back what its up made: what was written there since is lost, "
              "which the approval gate asks about";
  }
  if (defining) {
    severity = SqlSeverity::kNote;
    message += " (when it is called)";
  }
  const bool news = seen_.emplace(offset, known->number, std::hash<std::string>{}(message)).second;
  if (news) {
    found_.push_back({{known, severity, offset, std::move(message)}, subject.key});
  }
}

void Ledger::withdraw(const std::string& key) {
  const std::string other = other_spelling(key);
  std::erase_if(found_, [&](const Entry& entry) { return entry.key == key || entry.key == other; });
  std::erase_if(broken_, [&](const Broken& broken) {
    const bool same = broken.key == key || broken.key == other;
    if (same) {
      judgements[broken.statement].effects.breaks_previous.clear();
    }
    return same;
  });
}

std::size_t Ledger::here() const {
  return place.base + (place.exact ? place.statement : 0);
}

std::size_t Ledger::at(Node node) const {
  const std::int64_t location = node["location"].number(-1);
  return place.exact && location >= 0 ? place.base + static_cast<std::size_t>(location) : here();
}

// ALTER TABLE IF EXISTS ONLY a.b * ADD x, DROP y: behind the name stands the first action, behind
// each comma outside parentheses the next.
std::size_t Ledger::of_command(std::size_t index) const {
  if (!place.exact) {
    return here();
  }
  const auto tokens = codec::tokenize_sql(codec::SqlDialect::kPostgreSql, place.words());
  if (!tokens || tokens->size() < 4) {
    return here();
  }
  std::size_t at = 2;
  const auto& t = *tokens;
  while (at < t.size() &&
         (t[at].word("IF") || t[at].word("EXISTS") || t[at].word("ONLY") || t[at].word("TABLE"))) {
    ++at;
  }
  ++at;
  while (at + 1 < t.size() && (t[at].symbol('.') || t[at].symbol('*'))) {
    at += t[at].symbol('.') ? 2 : 1;
  }
  int depth = 0;
  for (std::size_t seen = 0; seen < index && at < t.size() && !t[at].symbol(';'); ++at) {
    depth += t[at].symbol('(') ? 1 : t[at].symbol(')') ? -1 : 0;
    seen += depth == 0 && t[at].symbol(',') ? 1U : 0U;
  }
  return at < t.size() ? place.base + place.statement + t[at].offset : here();
}

std::optional<std::string> Ledger::locked_relation() const {
  for (const auto& [statement, relation] : ddl_locks_) {
    if (statement + 1 < judgements.size()) {
      return relation;
    }
  }
  return std::nullopt;
}

// Concurrent statements go together: each is journaled by itself. Beside others, the script is
// torn.
void Ledger::check_concurrent() {
  const auto outside = std::find_if(judgements.begin(), judgements.end(),
                                    [](const auto& each) { return each.needs_no_transaction; });
  if (outside == judgements.end()) {
    return;
  }
  std::erase_if(found_, [](const Entry& e) { return e.raw.rule->id == "backfill-with-ddl"; });
  const bool mixed = std::any_of(judgements.begin(), judgements.end(), [](const auto& each) {
    return !each.needs_no_transaction && !each.neutral;
  });
  if (mixed) {
    const auto index = static_cast<std::size_t>(outside - judgements.begin());
    find("concurrent-index", spans_[index].begin,
         {"a statement that needs no transaction, beside others", {}, {}});
  }
}

std::vector<codec::RawFinding> Ledger::take_findings() {
  check_concurrent();
  std::vector<codec::RawFinding> all;
  for (Entry& entry : found_) {
    all.push_back(std::move(entry.raw));
  }
  return all;
}

}  // namespace ripcord::pgquery
