// SPDX-License-Identifier: Apache-2.0
#include "adapters/pgquery/inspector.h"

#include "adapters/sqlite/inspector.h"
#include "tests/support/status_matchers.h"

#include <fmt/format.h>

namespace ripcord {
namespace {

using ::testing::HasSubstr;

struct EffectCase {
  std::string sql;
  DataEffect effect;
  bool outside = false;
};

const pgquery::PostgresInspector kPg;
const sqlite::SqliteInspector kLite;

void check(const SqlInspector& inspector, Engine engine, const EffectCase& each) {
  const auto statements = inspector.inspect(engine, each.sql);
  ASSERT_OK(statements);
  ASSERT_EQ(statements->size(), 1U) << each.sql;
  EXPECT_EQ(to_string(statements->front().effect), to_string(each.effect)) << each.sql;
  EXPECT_EQ(statements->front().needs_no_transaction, each.outside) << each.sql;
  EXPECT_EQ(statements->front().text, each.sql);
}

TEST(PostgresInspector, CallsNothingLosslessThatTakesSomethingAway) {
  const auto ok = DataEffect::kLossless;
  const auto lossy = DataEffect::kLossy;
  const auto unknown = DataEffect::kUnknown;
  const std::vector<EffectCase> cases = {
      {"create table t (a int default random())", ok},
      {"alter table t add column b int", ok},
      {"alter table t add column b int, drop column a", lossy},
      {"alter table t drop constraint c", ok},
      {"alter table t alter column a type bigint", lossy},
      {"alter table t alter a set default 1", ok},
      {"alter table t alter a drop default", ok},
      {"alter table t alter a drop not null", ok},
      {"alter table t set unlogged", lossy},
      {"alter table t disable trigger all", unknown},
      {"alter table t rename a to b", ok},
      {"create or replace view v as select 1", ok},
      {"create index i on t (a)", ok},
      {"create index concurrently i on t (a)", ok, true},
      {"drop index concurrently i", ok, true},
      {"drop index i cascade", lossy},
      {"reindex index concurrently i", ok, true},
      {"reindex table t", ok},
      {"vacuum t", ok, true},
      {"analyze t", ok},
      {"create database d", ok, true},
      {"alter system set work_mem = '1MB'", unknown, true},
      {"alter type e add value 'x'", ok},
      {"drop table t", lossy},
      {"drop view v", ok},
      {"drop view v cascade", lossy},
      {"drop sequence s", lossy},
      {"truncate t", lossy},
      {"delete from t", lossy},
      {"update t set a = 1", lossy},
      {"insert into t values (1)", ok},
      {"insert into t values (1) on conflict do nothing", ok},
      {"insert into t values (1) on conflict (a) do update set a = 2", lossy},
      {"with gone as (delete from t returning *) select * from gone", lossy},
      {"select setval('s', 1)", ok},
      {"select purge_everything()", unknown},
      {"insert into t select purge_everything()", unknown},
      {"do $$ begin drop table t; end $$", lossy},
      {"do $$ begin execute x; end $$", unknown},
      {"do $$ begin perform f(); end $$", unknown},
      {"do language plperl $$ 1 $$", unknown},
      {"do $$$$", unknown},
      {"do language plpgsql", unknown},
      {"call p()", unknown},
      {"merge into t using s on t.a = s.a when matched then delete", lossy},
      {"alter table p detach partition q concurrently", ok, true},
  };
  for (const EffectCase& each : cases) {
    check(kPg, Engine::kPostgreSql, each);
  }
}

TEST(SqliteInspector, CallsNothingLosslessThatTakesSomethingAway) {
  const auto ok = DataEffect::kLossless;
  const auto lossy = DataEffect::kLossy;
  const std::vector<EffectCase> cases = {
      {"create table t (a)", ok},
      {"alter table t add column b", ok},
      {"alter table t rename column a to b", ok},
      {"alter table t drop column a", lossy},
      {"drop trigger t", ok},
      {"drop view v", ok},
      {"drop table t", lossy},
      {"delete from t", lossy},
      {"insert into t values (1)", ok},
      {"insert or replace into t values (1)", lossy},
      {"with x as (select 1) delete from t", lossy},
      {"pragma foreign_keys = off", ok},
      {"pragma writable_schema = on", DataEffect::kUnknown},
      {"attach 'x' as y", DataEffect::kUnknown},
      {"vacuum", ok, true},
  };
  for (const EffectCase& each : cases) {
    check(kLite, Engine::kSqlite, each);
  }
}

TEST(PostgresInspector, GivesTextWithoutLeadingCommentsAndTheRightLines) {
  const auto statements =
      kPg.inspect(Engine::kPostgreSql,
                  "-- Ünï\n\nselect 1 /* x;y */;\n\n/* a\nb */ create function f() returns "
                  "int language sql as $$ select 1; $$;\nselect ';'\n");
  ASSERT_OK(statements);
  ASSERT_EQ(statements->size(), 3U);
  EXPECT_EQ((*statements)[0].line, 3);
  EXPECT_EQ((*statements)[1].line, 6);
  EXPECT_THAT((*statements)[1].text, ::testing::StartsWith("create function"));
  EXPECT_EQ((*statements)[2].line, 7);
}

TEST(PostgresInspector, FindsNoStatementInCommentsAlone) {
  for (const std::string script : {"", "  \n", "-- irreversible: data is gone", "/* x */ ; ;"}) {
    const auto statements = kPg.inspect(Engine::kPostgreSql, script);
    ASSERT_OK(statements);
    EXPECT_TRUE(statements->empty()) << script;
  }
}

TEST(PostgresInspector, RefusesTransactionControlWithItsLine) {
  for (const std::string script :
       {"select 1;\nbegin;\nselect 2;\ncommit;", "select 1;\ncommit", "selec 1;\ncommit;"}) {
    const auto statements = kPg.inspect(Engine::kPostgreSql, script);
    EXPECT_CODE(statements, StatusCode::kInvalidArgument);
    EXPECT_THAT(status_of(statements).message(), HasSubstr("line 2")) << script;
  }
}

TEST(PostgresInspector, SplitsWhatTheParserDoesNotKnowAndCallsItUnknown) {
  const auto statements =
      kPg.inspect(Engine::kPostgreSql,
                  "create table t (a int);\nalter table t frobnicate ';';\ncreate index "
                  "concurrently i on t (a)");
  ASSERT_OK(statements);
  ASSERT_EQ(statements->size(), 3U);
  for (const SqlStatement& statement : *statements) {
    EXPECT_EQ(statement.effect, DataEffect::kUnknown);
  }
  EXPECT_EQ((*statements)[1].line, 2);
  EXPECT_TRUE((*statements)[2].needs_no_transaction);
}

struct EffectsCase {
  std::string sql;
  std::string described;
};

TEST(PostgresInspector, TellsLocksWhatBreaksAndWhatIsLost) {
  const std::vector<EffectsCase> cases = {
      {"create table t (a int references u)", "SHARE ROW EXCLUSIVE on u; only adds"},
      {"alter table public.t add column b int", "ACCESS EXCLUSIVE on public.t; only adds"},
      {"create index i on t (a)", "SHARE on t for a scan; only adds"},
      {"create index concurrently i on t (a)", "SHARE UPDATE EXCLUSIVE on t for a scan; only adds"},
      {"alter table t drop column a",
       "loses column t.a; the previous release breaks: it reads and writes t.a; ACCESS EXCLUSIVE "
       "on t"},
      {"alter table t alter a type bigint",
       "loses column t.a; the previous release breaks: t.a has another type; ACCESS EXCLUSIVE on t "
       "for a rewrite"},
      {"alter table t rename a to b",
       "the previous release breaks: it knows t.a by that name; ACCESS EXCLUSIVE on t"},
      {"alter table t rename to u",
       "the previous release breaks: it knows t by that name; ACCESS EXCLUSIVE on t"},
      {"alter table t alter a set not null",
       "the previous release breaks: it may write NULL into t.a; ACCESS EXCLUSIVE on t for a scan"},
      {"alter table t add column b int not null",
       "the previous release breaks: inserts without b are refused; ACCESS EXCLUSIVE on t"},
      {"drop table t",
       "loses table t; the previous release breaks: it reads and writes t; ACCESS EXCLUSIVE on t"},
      {"truncate a, b", "loses rows of a, rows of b; ACCESS EXCLUSIVE on a; ACCESS EXCLUSIVE on b"},
      {"alter table t validate constraint c", "SHARE UPDATE EXCLUSIVE on t for a scan; only adds"},
      {"select purge()", "unknown: it calls purge()"},
      {"select 1", "harmless"},
      {"lock table t in share mode", "SHARE on t"},
  };
  for (const EffectsCase& each : cases) {
    const auto statements = kPg.inspect(Engine::kPostgreSql, each.sql);
    ASSERT_OK(statements);
    EXPECT_EQ(describe(statements->front().effects), each.described) << each.sql;
  }
}

// "t: removed where true", "t: a, b written over, which rows is not known".
std::string rows_lost(const std::vector<SqlStatement>& statements) {
  std::string text;
  for (const SqlStatement& statement : statements) {
    for (const DataLoss& loss : statement.effects.loses) {
      text += fmt::format("{}{}:{}{}{}", text.empty() ? "" : "; ", loss.relation,
                          loss.keeps_rows ? "" : " removed",
                          loss.overwrites.empty()
                              ? ""
                              : fmt::format(" {} written over", fmt::join(loss.overwrites, ", ")),
                          loss.where ? " where " + *loss.where : ", which rows is not known");
    }
  }
  return text;
}

struct RowsCase {
  std::string sql;
  std::string lost;
};

TEST(PostgresInspector, TellsWhichRowsAreRemovedOrWrittenOver) {
  const std::vector<RowsCase> cases = {
      {"delete from t", "t: removed where true"},
      {"truncate t", "t: removed where true"},
      {"delete from t where a = 1 or b like 'x%' returning *",
       "t: removed where  a = 1 or b like 'x%'"},
      {"update t set a = (select 1 where true), \"B\" = now() where (c is null and a > 3::int) -- "
       "x",
       "t: a, B written over where  (c is null and a > 3::int)"},
      {"update t set (a, b) = (1, 2)", "t: a, b written over where true"},
      {"delete from t where a in (select 1)", "t: removed, which rows is not known"},
      {"delete from t where b = lower('X')", "t: removed, which rows is not known"},
      {"delete from t where b < now()", "t: removed, which rows is not known"},
      {"delete from only t where a = 1", "t: removed, which rows is not known"},
      {"delete from t x where x.a = 1", "t: removed, which rows is not known"},
      {"delete from t using u where t.a = u.a", "t: removed, which rows is not known"},
      {"with x as (select 1) delete from t where a = 1", "t: removed, which rows is not known"},
      {"select 1; delete from t where a = 1", "t: removed, which rows is not known"},
      {"do $$ begin delete from t where a = 1; end $$", "t: removed, which rows is not known"},
      {"insert into t values (1) on conflict (a) do update set b = 2",
       "t: b written over, which rows is not known"},
      {"merge into t using s on t.a = s.a when matched and s.x then delete when matched then "
       "update set b = 2",
       "t: removed b written over, which rows is not known"},
  };
  for (const RowsCase& each : cases) {
    const auto statements = kPg.inspect(Engine::kPostgreSql, each.sql);
    ASSERT_OK(statements);
    EXPECT_EQ(rows_lost(*statements), each.lost) << each.sql;
  }
}

TEST(SqliteInspector, TellsWhichRowsAreRemovedOrWrittenOver) {
  const std::vector<RowsCase> cases = {
      {"delete from t", "t: removed where 1"},
      {"delete from [t] where a = 1 and b like 'x%'", "t: removed, which rows is not known"},
      {"delete from t where a = 1 or b in ('x', 'y')",
       "t: removed where  a = 1 or b in ('x', 'y')"},
      {"update t set a = 1, b = (2) where c is null", "t: a, b written over where  c is null"},
      {"update t set a = 1 from u where t.b = u.b", "t: a written over, which rows is not known"},
      {"update or ignore t set a = 1", "t: a written over, which rows is not known"},
      {"delete from t where a in (select 1)", "t: removed, which rows is not known"},
      {"delete from t where b < datetime('now')", "t: removed, which rows is not known"},
      {"delete from t where b < current_timestamp", "t: removed, which rows is not known"},
      {"delete from t as x where x.a = 1", "t: removed, which rows is not known"},
      {"select 1; delete from t where a = 1", "t: removed, which rows is not known"},
      {"insert or replace into t values (1)", "t: removed, which rows is not known"},
      {"insert into t (a, b) values (1, 2) on conflict (a) do update set b = 2",
       "t: b written over, which rows is not known"},
  };
  for (const RowsCase& each : cases) {
    const auto statements = kLite.inspect(Engine::kSqlite, each.sql);
    ASSERT_OK(statements);
    EXPECT_EQ(rows_lost(*statements), each.lost) << each.sql;
  }
}

TEST(PostgresInspector, KnowsFromItsUpWhatADownTakesBack) {
  const std::string up = "create table t (a int); alter table u add column b int";
  const std::string down = "drop table t; alter table u drop column b; drop table v";
  const auto report = kPg.review(Engine::kPostgreSql, {down, Direction::kDown, up});
  ASSERT_OK(report);
  std::vector<std::string> seen;
  for (const SqlFinding& finding : report->findings) {
    seen.push_back(std::string(to_string(finding.severity)) + " " + std::string(finding.rule));
  }
  EXPECT_THAT(seen,
              ::testing::ElementsAre("note drop-table", "note drop-column", "error drop-table"));
  for (const SqlStatement& statement : report->statements) {
    EXPECT_EQ(statement.effect, DataEffect::kLossy);  // rows may have been written since
  }
}

TEST(PostgresInspector, NeverHidesALossBehindAWaiver) {
  const auto report = kPg.review(Engine::kPostgreSql,
                                 {"-- ripcord:allow drop-table: empty since March\ndrop table t;"});
  ASSERT_OK(report);
  ASSERT_EQ(report->findings.size(), 1U);
  EXPECT_EQ(report->findings[0].waived, "empty since March");
  EXPECT_EQ(report->statements[0].effect, DataEffect::kLossy);
}

TEST(PostgresInspector, SaysInEveryMessageWhatToWriteInstead) {
  const auto report = kPg.review(Engine::kPostgreSql, {"drop table t"});
  ASSERT_OK(report);
  EXPECT_THAT(report->findings[0].message, HasSubstr("Instead: stop using it, rename it"));
}

TEST(PostgresInspector, SurvivesFunctionsThatLackTheirBody) {
  const auto statements =
      kPg.inspect(Engine::kPostgreSql,
                  "create function f() returns void language plpgsql; select f(); create function "
                  "g() returns void language plpgsql as ''; create function h() returns void");
  ASSERT_OK(statements);
  ASSERT_EQ(statements->size(), 4U);
  EXPECT_EQ((*statements)[1].effect, DataEffect::kUnknown);
}

TEST(PostgresInspector, SurvivesExpressionsThatWouldOverflowAnOrdinaryStack) {
  std::string script = "select 1";
  for (int i = 0; i < 110000; ++i) {
    script += "+1";
  }
  const auto statements = kPg.inspect(Engine::kPostgreSql, script);
  ASSERT_OK(statements);
  EXPECT_EQ(statements->size(), 1U);
}

TEST(PostgresInspector, RefusesScriptsThatAreTooLargeOrHoldNulBytes) {
  EXPECT_CODE(kPg.inspect(Engine::kPostgreSql, std::string(pgquery::kMaxScriptBytes + 1, ' ')),
              StatusCode::kInvalidArgument);
  EXPECT_CODE(kPg.inspect(Engine::kPostgreSql, std::string("select 1\0drop", 13)),
              StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace ripcord
