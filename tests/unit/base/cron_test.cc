// SPDX-License-Identifier: Apache-2.0
#include "controller/base/cron.h"

#include "controller/base/time_text.h"
#include "tests/support/status_matchers.h"

namespace ripcord {
namespace {

struct Due {
  std::string schedule;
  std::string after;
  std::string next;
};

TEST(CronSchedule, FindsTheNextTime) {
  const std::vector<Due> cases = {
      {"30 3 * * 1", "2024-01-15T03:29:59Z", "2024-01-15T03:30:00Z"},  // a Monday
      {"30 3 * * 1", "2024-01-15T03:30:00Z", "2024-01-22T03:30:00Z"},
      {"30 3 * * MON", "2024-01-15T03:30:01Z", "2024-01-22T03:30:00Z"},
      {"*/15 * * * *", "2024-01-15T12:00:00Z", "2024-01-15T12:15:00Z"},
      {"0 0 29 2 *", "2024-03-01T00:00:00Z", "2028-02-29T00:00:00Z"},
      {"0 0 29 2 *", "2097-01-01T00:00:00Z", "2104-02-29T00:00:00Z"},
      {"0 0 1 jan *", "2024-01-01T00:00:00Z", "2025-01-01T00:00:00Z"},
      {"0 12 13 * 5", "2024-01-13T12:00:00Z", "2024-01-19T12:00:00Z"},  // either day
      {"0 12 * * 7", "2024-01-15T00:00:00Z", "2024-01-21T12:00:00Z"},
      {"0 8-18/5 * * *", "2024-01-15T13:00:00Z", "2024-01-15T18:00:00Z"},
      {"59 23 31 12 *", "2024-12-31T23:59:00Z", "2025-12-31T23:59:00Z"},
      {"0,30\t* * * *", "2024-01-15T12:00:00Z", "2024-01-15T12:30:00Z"},
      {"5 4 */2 * *", "2024-01-15T04:05:00Z", "2024-01-17T04:05:00Z"},
  };
  for (const Due& due : cases) {
    SCOPED_TRACE(due.schedule + " after " + due.after);
    const auto schedule = CronSchedule::parse(due.schedule);
    ASSERT_OK(schedule);
    EXPECT_EQ(format_time(schedule->next_after(*parse_time(due.after))), due.next);
  }
}

TEST(CronSchedule, RefusesWhatItDoesNotUnderstandAndSaysWhere) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "has 0 fields"},
      {"@daily", "has 1 fields"},
      {"0 30 3 * * 1", "has 6 fields"},
      {"60 * * * *", "minute \"60\": is out of range"},
      {"* 24 * * *", "hour \"24\": is out of range"},
      {"* * 0 * *", "day of month \"0\": is out of range"},
      {"* * * 13 *", "month \"13\": is out of range"},
      {"* * * * 8", "day of week \"8\": is out of range"},
      {"* * * FOO *", "month \"FOO\": is no number"},
      {"* * * * MONDAY", "day of week \"MONDAY\": is no number"},
      {"5-2 * * * *", "minute \"5-2\": ends before it begins"},
      {"1-2-3 * * * *", "minute \"1-2-3\": is no range"},
      {"*/0 * * * *", "minute \"*/0\": the step must be 1 to 59"},
      {"*/5/5 * * * *", "has more than one step"},
      {"5/10 * * * *", "a step needs * or a range"},
      {"-1 * * * *", "minute \"\": is no number"},
      {"1,,2 * * * *", "minute \"\": is no number"},
      {"+1 * * * *", "minute \"+1\": is no number"},
      {"99999999999 * * * *", "is no number"},
      {"0 0 30 2 *", "is never due"},
      {"0 0 31 4,6,9,11 *", "is never due"},
  };
  for (const auto& [text, why] : cases) {
    SCOPED_TRACE(text);
    const auto schedule = CronSchedule::parse(text);
    EXPECT_CODE(schedule, StatusCode::kInvalidArgument);
    EXPECT_THAT(schedule.error().message(), testing::HasSubstr(why));
  }
}

}  // namespace
}  // namespace ripcord
