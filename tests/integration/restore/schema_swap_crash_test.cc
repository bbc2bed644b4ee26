// SPDX-License-Identifier: Apache-2.0
// Swaps of one schema that are killed at every point, or stopped.
#include "tests/integration/restore/restore_driver.h"
#include "tests/integration/restore/schema_swaps.h"

namespace ripcord {
namespace {

TEST_F(SchemaSwap, EndsTheSameWhereverItIsKilled) {
  const Backup backup = dump("b.dump");
  const auto points = std::make_shared<int>(0);
  postgres::PostgresRestores counted(runner_, clock_, {std::chrono::minutes(1), counting(points)});
  ASSERT_OK(drive(counted, order(live_), backup));
  ASSERT_GT(*points, 18);
  for (int point = 1; point <= *points; ++point) {
    SCOPED_TRACE(point);
    live_ = make_live();
    const int ended = run_forked([&] {
      postgres::PostgresRestores dying(runner_, clock_, {std::chrono::minutes(1), dying_at(point)});
      return drive(dying, order(live_), backup).ok() ? 0 : 1;
    });
    ASSERT_EQ(ended, 128 + SIGKILL);
    const auto crashed = open().target->read();
    ASSERT_OK(crashed);
    EXPECT_FALSE(crashed->swap_interrupted) << "nobody is ever shut out";
    live("insert into users values ('late')");
    ASSERT_OK(drive(restores_, order(live_), backup));
    ASSERT_OK(open().target->swap({}));  // drops what it was loaded into, as the strategy does
    EXPECT_EQ(users(), crashed->swapped ? "ann,bob,cid,late" : "ann,bob,cid");
    EXPECT_EQ(users("public_before_0a1b2c3d"), crashed->swapped ? "old1,old2" : "late,old1,old2");
    EXPECT_EQ(schemas(), "public public_before_0a1b2c3d");
    EXPECT_EQ(databases_like(live_), live_);
    EXPECT_TRUE(open().target->read()->swapped);
  }
}

TEST_F(SchemaSwap, TheWayBackEndsTheSameWhereverItIsKilled) {
  const Backup backup = dump("b.dump");
  restore(backup);
  const auto points = std::make_shared<int>(0);
  postgres::PostgresRestores counted(runner_, clock_, {std::chrono::minutes(1), counting(points)});
  ASSERT_OK((*counted.open(order(live_))).reverse->revert({}));
  ASSERT_GE(*points, 2);
  for (int point = 1; point <= *points; ++point) {
    SCOPED_TRACE(point);
    live_ = make_live();
    restore(backup);
    const int ended = run_forked([&] {
      postgres::PostgresRestores dying(runner_, clock_, {std::chrono::minutes(1), dying_at(point)});
      return (*dying.open(order(live_))).reverse->revert({}).has_value() ? 0 : 1;
    });
    ASSERT_EQ(ended, 128 + SIGKILL);
    ASSERT_OK(open().reverse->revert({}));
    EXPECT_EQ(users(), "old1,old2");
    EXPECT_EQ(users("public_ripcord_0a1b2c3d"), "ann,bob,cid");
    EXPECT_TRUE(open().target->read()->reverted);
  }
}

TEST_F(SchemaSwap, AStoppedCopyLeavesTheLiveSchemaAloneAndIsDoneAgain) {
  const Backup backup = dump("b.dump");
  ASSERT_OK(open().target->load(backup, {}));
  std::stop_source stop;
  postgres::PostgresRestores stopping(runner_, clock_,
                                      {std::chrono::minutes(1), [&](std::string_view point) {
                                         if (point == "before copy") {
                                           stop.request_stop();
                                         }
                                       }});
  auto opened = stopping.open(order(live_));
  ASSERT_OK(opened);
  EXPECT_CODE(opened->staging->stage(stop.get_token()), StatusCode::kCancelled);
  const auto again = open().target->query("select count(*) from public.users", {});
  ASSERT_OK(again);
  EXPECT_EQ(*again, 3) << "the side has the names of the backup again";
  ASSERT_OK(open().target->swap({}));
  EXPECT_EQ(users(), "ann,bob,cid");
}

}  // namespace
}  // namespace ripcord
