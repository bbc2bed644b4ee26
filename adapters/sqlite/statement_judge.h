// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a statement of SQLite does, by what its authorizer saw, one statement of a script after the
// other: what the script made itself is new and holds nothing. One a script; one thread at a time.

#include "adapters/sqlite/scratch_schema.h"
#include "controller/codec/sql_review.h"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::sqlite {

class StatementJudge {
 public:
  StatementJudge(ScratchSchema& scratch, const std::set<std::string>* made_by_up)
      : scratch_(scratch), made_by_up_(made_by_up) {}

  // `more`: what it changes in the schema will be looked at, by statements that follow or by ddl().
  SqlEffects judge(const codec::SqlPiece& piece, bool more = true);
  // After the last statement.
  std::vector<codec::RawFinding> take_findings();
  const std::set<std::string>& made() const { return made_; }

 private:
  void see(const AuthorizerEvent& event, const codec::SqlPiece& piece);
  void see_rows(const AuthorizerEvent& event, const codec::SqlPiece& piece);
  void see_drop(const AuthorizerEvent& event);
  void see_alter(const AuthorizerEvent& event, const codec::SqlPiece& piece);
  void see_pragma(const AuthorizerEvent& event);
  void see_create(const std::string& key, const codec::SqlPiece& piece);
  bool only_drops(const codec::SqlPiece& piece) const;
  std::optional<std::string> exact_rows(const codec::SqlPiece& piece) const;
  std::string why_only_once(const codec::SqlPiece& piece, bool changes_schema);
  void lose(DataLoss loss);
  void find(std::string_view rule, const std::string& subject, const std::string& key = "");

  ScratchSchema& scratch_;
  const std::set<std::string>* made_by_up_;
  std::set<std::string> made_;  // "table:t", "column:t.c"
  SqlEffects effects_;
  std::vector<AuthorizerEvent> events_;  // of the current statement
  int statement_ = 0;                    // 1 for the first
  std::set<std::string> dropped_now_;    // tables that the current statement drops
  std::size_t here_ = 0;
  std::set<std::string> dropped_;               // tables that were there before
  std::size_t rebuilt_at_ = std::string::npos;  // a dropped table's name was taken again
  bool checked_ = false;
  std::vector<codec::RawFinding> found_;
};

}  // namespace ripcord::sqlite
