// SPDX-License-Identifier: Apache-2.0
#include "controller/base/cron.h"

#include <array>
#include <charconv>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace ripcord {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

// Leap days are at most 8 years apart; what is not due by then never is.
constexpr int kDaysSearched = 366 * 9;

struct FieldRule {
  std::string_view name;
  int least;
  int most;
  std::array<std::string_view, 12> words;  // the first stands for `first_word`
  int first_word;
};

constexpr std::array<FieldRule, 5> kRules = {
    {{"minute", 0, 59, {}, 0},
     {"hour", 0, 23, {}, 0},
     {"day of month", 1, 31, {}, 0},
     {"month",
      1,
      12,
      {"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"},
      1},
     {"day of week", 0, 7, {"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}, 0}}};

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  std::size_t at = 0;
  for (;;) {
    const std::size_t end = text.find_first_of(separators, at);
    parts.push_back(text.substr(at, end - at));
    if (end == std::string_view::npos) {
      return parts;
    }
    at = end + 1;
  }
}

tl::unexpected<Status> wrong(const FieldRule& rule, std::string_view part, std::string_view why) {
  return error(StatusCode::kInvalidArgument,
               fmt::format("{} {:?}: {}; write *, or {} to {}, e.g. \"30 3 * * 1\" for Mondays at "
                           "03:30 UTC",
                           rule.name, part, why, rule.least, rule.most));
}

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  }
  return result;
}

std::optional<int> number_of(std::string_view text) {
  int value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool digits = !text.empty() && text.size() <= 4 && text.front() != '-';
  return digits && failure == std::errc{} && end == text.data() + text.size()
             ? std::optional<int>(value)
             : std::nullopt;
}

Result<int> value_of(const FieldRule& rule, std::string_view text) {
  const std::string word = upper(text);
  for (std::size_t i = 0; i < rule.words.size() && !word.empty(); ++i) {
    if (rule.words[i] == word) {
      return static_cast<int>(i) + rule.first_word;
    }
  }
  const std::optional<int> number = number_of(text);
  if (!number) {
    return wrong(rule, text, "is no number");
  }
  if (*number < rule.least || *number > rule.most) {
    return wrong(rule, text, "is out of range");
  }
  return *number;
}

struct Span {
  int from;
  int to;
  int step;
};

Result<Span> span_of(const FieldRule& rule, std::string_view part) {
  const auto with_step = split(part, "/");
  if (with_step.size() > 2) {
    return wrong(rule, part, "has more than one step");
  }
  Span span{rule.least, rule.most, 1};
  if (with_step.size() == 2) {
    const std::optional<int> step = number_of(with_step[1]);
    if (!step || *step < 1 || *step > rule.most) {
      return wrong(rule, part, fmt::format("the step must be 1 to {}", rule.most));
    }
    span.step = *step;
  }
  if (with_step[0] == "*") {
    return span;
  }
  const auto ends = split(with_step[0], "-");
  if (ends.size() > 2) {
    return wrong(rule, part, "is no range");
  }
  if (ends.size() == 1 && with_step.size() == 2) {
    return wrong(rule, part, "a step needs * or a range");
  }
  ASSIGN_OR_RETURN(span.from, value_of(rule, ends.front()));
  ASSIGN_OR_RETURN(span.to, value_of(rule, ends.back()));
  if (span.from > span.to) {
    return wrong(rule, part, "ends before it begins");
  }
  return span;
}

// `any` is whether the field says nothing: `*` alone.
template <std::size_t Size>
Status read_field(const FieldRule& rule, std::string_view text, std::bitset<Size>& into,
                  bool* any = nullptr) {
  for (const std::string_view part : split(text, ",")) {
    ASSIGN_OR_RETURN(const Span span, span_of(rule, part));
    for (int value = span.from; value <= span.to; value += span.step) {
      // Only the day of week has more values than bits: 7 is Sunday as 0 is.
      into.set(static_cast<std::size_t>(value) % Size);
    }
  }
  if (any != nullptr) {
    *any = text == "*";
  }
  return {};
}

}  // namespace

Result<CronSchedule> CronSchedule::parse(std::string_view text) {
  std::vector<std::string_view> fields;
  for (const std::string_view field : split(text, " \t")) {
    if (!field.empty()) {
      fields.push_back(field);
    }
  }
  if (fields.size() != kRules.size()) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("has {} fields; write 5: minute, hour, day of month, month, day of "
                             "week (UTC), e.g. \"30 3 * * 1\"",
                             fields.size()));
  }
  CronSchedule schedule;
  RETURN_IF_ERROR(read_field(kRules[0], fields[0], schedule.minutes_));
  RETURN_IF_ERROR(read_field(kRules[1], fields[1], schedule.hours_));
  RETURN_IF_ERROR(read_field(kRules[2], fields[2], schedule.days_, &schedule.any_day_));
  RETURN_IF_ERROR(read_field(kRules[3], fields[3], schedule.months_));
  RETURN_IF_ERROR(read_field(kRules[4], fields[4], schedule.weekdays_, &schedule.any_weekday_));
  if (!schedule.find_after(std::chrono::sys_days(std::chrono::year(2024) / 1 / 1))) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("{:?} is never due: no such day in these months", text));
  }
  return schedule;
}

bool CronSchedule::on_day(std::chrono::sys_days day) const {
  const std::chrono::year_month_day date(day);
  if (!months_[static_cast<unsigned>(date.month())]) {
    return false;
  }
  const bool by_day = days_[static_cast<unsigned>(date.day())];
  const bool by_weekday = weekdays_[std::chrono::weekday(day).c_encoding()];
  return any_day_ || any_weekday_ ? by_day && by_weekday : by_day || by_weekday;
}

std::optional<WallTime> CronSchedule::find_after(WallTime t) const {
  const auto from = std::chrono::floor<minutes>(t) + minutes(1);
  auto day = std::chrono::floor<days>(from);
  for (int i = 0; i < kDaysSearched; ++i, day += days(1)) {
    if (!on_day(day)) {
      continue;
    }
    for (auto at = std::max<std::chrono::sys_time<minutes>>(from, day); at < day + days(1);
         at += minutes(1)) {
      const auto minute = (at - day).count();
      if (hours_[static_cast<std::size_t>(minute / 60)] &&
          minutes_[static_cast<std::size_t>(minute % 60)]) {
        return WallTime(at);
      }
    }
  }
  return std::nullopt;
}

WallTime CronSchedule::next_after(WallTime t) const {
  // parse() has made sure that there is one; the far end of the search is the last resort.
  return find_after(t).value_or(t + days(kDaysSearched));
}

}  // namespace ripcord
