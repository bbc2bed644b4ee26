// SPDX-License-Identifier: Apache-2.0
// Declarations that do not fit the database: each is named with what to correct, no trigger is left
// behind, writers go on, and the version stays.
#include "tests/integration/transitions/world.h"
#include "tests/support/status_matchers.h"

namespace ripcord {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

struct Unfit {
  std::string name;
  std::function<void(Transition&)> change;
  std::string message;
};

void PrintTo(const Unfit& unfit, std::ostream* out) {
  *out << unfit.name;
}

class UnfitTransition : public testing::TestWithParam<std::tuple<Engine, Unfit>> {};

TEST_P(UnfitTransition, IsNamed) {
  const auto& [engine, unfit] = GetParam();
  if (!can_run(engine)) {
    GTEST_SKIP() << "no PostgreSQL server installed";
  }
  Transition transition = email_to_address();
  unfit.change(transition);
  World world({engine, email_migrations(engine, ", loose integer"), {transition}});
  const auto client = world.client();
  EXPECT_THAT(world.go(3), AllOf(StartsWith("TransitionFailed: the database is at version 3; "
                                            "transition email: "),
                                 HasSubstr(unfit.message)));
  EXPECT_EQ(world.phase(), "Failed");
  EXPECT_EQ(world.status().version, 3);
  EXPECT_OK(client->run("INSERT INTO users (id, email) VALUES (2001, 'x')"));
  EXPECT_OK(client->run("UPDATE users SET address = 'x' WHERE id = 2001"));
  world.edit([](MigrationVersionSpec& spec) { spec.transitions = {email_to_address()}; });
  EXPECT_EQ(world.settle(), "Ready");
}

const Unfit kUnfit[] = {
    {"NoTable", [](Transition& t) { t.sync->table = "people"; }, "there is no table people"},
    {"NoOldColumn", [](Transition& t) { t.sync->old_column = "mail"; },
     "sync: table users has no column mail"},
    {"NoNewColumn", [](Transition& t) { t.sync->new_column = "addr"; },
     "sync: table users has no column addr"},
    {"ToNew", [](Transition& t) { t.sync->to_new = "nowhere(email)"; }, "sync.toNew: "},
    {"ToOld", [](Transition& t) { t.sync->to_old = "address)"; }, "sync.toOld: "},
    {"NoKey", [](Transition& t) { t.backfill->key = "uid"; },
     "backfill.key: table users has no column uid"},
    {"NullableKey", [](Transition& t) { t.backfill->key = "loose"; },
     "backfill.key: users.loose may be NULL"},
    {"Set", [](Transition& t) { t.backfill->set = "address = nowhere(email)"; }, "nowhere"},
    {"Where", [](Transition& t) { t.backfill->where = "nonsense is null"; }, "nonsense"},
    {"TwoStatements",
     [](Transition& t) { t.backfill->where = "true); DROP TABLE users; SELECT (1"; }, ""},
    {"ValidatedTable", [](Transition& t) { t.validations[0].table = "people"; },
     "there is no table people"},
    {"ValidatedColumn", [](Transition& t) { t.validations[0].column = "addr"; }, "addr"},
    {"Pattern",
     [](Transition& t) {
       t.validations[0].not_null = false;
       t.validations[0].pattern = "(";
     },
     "("},
    {"NoNumber", [](Transition& t) { t.validations[1].query = "select email from users limit 1"; },
     "where one number was expected"},
    {"WritingQuery", [](Transition& t) { t.validations[1].query = "delete from users"; },
     "delete from users"},
};

INSTANTIATE_TEST_SUITE_P(Engines, UnfitTransition,
                         testing::Combine(testing::Values(Engine::kPostgreSql, Engine::kSqlite),
                                          testing::ValuesIn(kUnfit)),
                         [](const auto& each) {
                           return std::string(to_string(std::get<0>(each.param))) +
                                  std::get<1>(each.param).name;
                         });

}  // namespace
}  // namespace ripcord
