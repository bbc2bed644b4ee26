// SPDX-License-Identifier: Apache-2.0
#pragma once
// A database in memory in which the statements of a script are prepared, so that SQLite's own
// parser and authorizer tell what each would do. What a script expects to be there (tables,
// columns, indexes of earlier migrations) and was not made in it is put there as it is missed:
// SQLite names it. Rows are never written, PRAGMAs and ATTACH never run. One a script; one thread
// at a time.

#include "controller/base/status.h"
#include "controller/codec/sql_lexer.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

struct sqlite3;

namespace ripcord::sqlite {

struct AuthorizerEvent {
  int action = 0;  // SQLITE_DROP_TABLE ...
  std::string first;
  std::string second;
  std::string third;  // the column that ALTER TABLE drops
};

struct Preparation {
  std::vector<AuthorizerEvent> events;
  std::string error;  // SQLite's message; empty when it was understood
};

class ScratchSchema {
 public:
  static Result<std::unique_ptr<ScratchSchema>> open();
  ~ScratchSchema();
  ScratchSchema(const ScratchSchema&) = delete;
  ScratchSchema& operator=(const ScratchSchema&) = delete;

  // What the statement would do. DROP ... IF EXISTS counts as if it existed.
  Preparation prepare(const codec::SqlPiece& piece);
  // Changes the schema as the statement does; `true` when it did.
  bool apply(const codec::SqlPiece& piece);
  // NOT NULL without a default, of the column that was added last.
  bool last_column_demands_value(const std::string& table);
  std::string ddl();  // of everything that is known whole

 private:
  ScratchSchema() = default;
  int try_prepare(const std::string& sql, Preparation& preparation);
  bool learn(const std::string& error, const codec::SqlPiece& piece);
  bool learn_table(std::string name, const codec::SqlPiece& piece);
  bool learn_column(std::string name, const codec::SqlPiece& piece);
  bool learn_key(const codec::SqlPiece& piece);
  bool run(const std::string& sql);
  std::string ask(const std::string& sql, const std::string& parameter);
  static int authorize(void* self, int action, const char* first, const char* second,
                       const char* third, const char* trigger);

  struct Closer {
    void operator()(sqlite3* db) const;
  };
  std::unique_ptr<sqlite3, Closer> db_;
  std::vector<AuthorizerEvent>* events_ = nullptr;  // null: our own statements
  std::set<std::string> stubs_;                     // tables of which not all is known
  int made_ = 0;
};

}  // namespace ripcord::sqlite
