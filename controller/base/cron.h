// SPDX-License-Identifier: Apache-2.0
#pragma once
// When something is due: five fields as in crontab(5), in UTC.
//
//   minute 0-59   hour 0-23   day of month 1-31   month 1-12 or JAN-DEC   day of week 0-7 or
//   SUN-SAT
//
// A field is `*` or a list of numbers and ranges, each with an optional step: `*/15`, `1-5`,
// `0,30`, `8-18/2`. When both days are restricted, either of them is enough, as in crontab. A
// value; no I/O.

#include "controller/base/clock.h"
#include "controller/base/status.h"

#include <bitset>
#include <optional>
#include <string_view>

namespace ripcord {

class CronSchedule {
 public:
  // InvalidArgument names the field, what is wrong with it and an example. A schedule that is never
  // due (30 February) is refused.
  static Result<CronSchedule> parse(std::string_view text);

  // The first time after `t`, on the full minute.
  WallTime next_after(WallTime t) const;

 private:
  bool on_day(std::chrono::sys_days day) const;
  std::optional<WallTime> find_after(WallTime t) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  bool any_day_ = false;
  bool any_weekday_ = false;
};

}  // namespace ripcord
