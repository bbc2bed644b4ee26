// SPDX-License-Identifier: Apache-2.0
#include "controller/base/time_text.h"

#include "tests/support/status_matchers.h"

namespace ripcord {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(Duration, IsWrittenAndReadAsGoDoes) {
  const struct {
    Duration value;
    const char* text;
  } cases[] = {{nanoseconds(0), "0s"},         {nanoseconds(1), "1ns"},
               {nanoseconds(1500), "1.5µs"},   {milliseconds(300), "300ms"},
               {milliseconds(1500), "1.5s"},   {seconds(2), "2s"},
               {minutes(90), "1h30m0s"},       {hours(48), "48h0m0s"},
               {-milliseconds(1500), "-1.5s"}, {minutes(1) + milliseconds(5), "1m0.005s"}};
  for (const auto& c : cases) {
    EXPECT_EQ(format_duration(c.value), c.text);
    const auto parsed = parse_duration(c.text);
    ASSERT_OK(parsed);
    EXPECT_EQ(*parsed, c.value) << c.text;
  }
}

TEST(Duration, RefusesWhatGoRefuses) {
  for (const char* text : {"", "5", "s", ".s", "1.2.3s", "1 s", "1x", "--1s", "99999999999h"}) {
    EXPECT_CODE(parse_duration(text), StatusCode::kInvalidArgument);
  }
}

TEST(Time, IsWrittenInUtcAndReadWithAnyOffset) {
  const auto t = parse_time("2024-01-15T13:30:00.25+01:30");
  ASSERT_OK(t);
  EXPECT_EQ(format_time(*t), "2024-01-15T12:00:00Z");
  EXPECT_EQ(format_micro_time(*t), "2024-01-15T12:00:00.250000Z");
  for (const char* text :
       {"", "2024-02-30T00:00:00Z", "2024-01-15", "2024-01-15T25:00:00Z", "2024-01-15T12:00:00",
        "2024-01-15T12:00:00.Z", "2024-01-15T12:00:00+1:00"}) {
    EXPECT_CODE(parse_time(text), StatusCode::kInvalidArgument);
  }
}

TEST(SimulatedClock, IsAdvancedBySleepersAndNotByTheWallClock) {
  SimulatedClock clock;
  const MonoTime start = clock.now();
  EXPECT_TRUE(clock.sleep_for(hours(1), {}));
  clock.set_wall(clock.wall_now() - hours(5));
  EXPECT_EQ(clock.now() - start, hours(1));
}

}  // namespace
}  // namespace ripcord
