// SPDX-License-Identifier: Apache-2.0
#include "controller/base/time_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>

#include <fmt/format.h>

namespace ripcord {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::minutes;
using std::chrono::seconds;

std::string format_parts(WallTime t, bool micros) {
  const auto day = std::chrono::floor<days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<microseconds> clock(t - day);
  std::string text =
      fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                  clock.hours().count(), clock.minutes().count(), clock.seconds().count());
  if (micros) {
    text += fmt::format(".{:06}", clock.subseconds().count());
  }
  return text + "Z";
}

// Reads exactly `width` digits at `pos`; -1 when they are not there.
int digits(std::string_view text, std::size_t pos, std::size_t width) {
  if (text.size() < pos + width) {
    return -1;
  }
  int value = 0;
  for (std::size_t i = pos; i < pos + width; ++i) {
    if (text[i] < '0' || text[i] > '9') {
      return -1;
    }
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

struct Unit {
  std::string_view name;
  std::int64_t nanos;
};
// Longer names first, so that "ms" is not read as "m".
constexpr std::array<Unit, 8> kUnits = {{{"ns", 1},
                                         {"us", 1'000},
                                         {"\u00b5s", 1'000},
                                         {"\u03bcs", 1'000},
                                         {"ms", 1'000'000},
                                         {"s", 1'000'000'000},
                                         {"m", 60'000'000'000},
                                         {"h", 3'600'000'000'000}}};

}  // namespace

std::string format_time(WallTime t) {
  return format_parts(t, false);
}
std::string format_micro_time(WallTime t) {
  return format_parts(t, true);
}

Result<WallTime> parse_time(std::string_view text) {
  const auto bad = [&] {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("'{}' is no RFC 3339 time; write it like 2024-01-15T12:00:00Z", text));
  };
  const int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (year < 0 || month < 0 || day < 0 || hour < 0 || minute < 0 || second < 0 || text[4] != '-' ||
      text[7] != '-' || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') ||
      text[13] != ':' || text[16] != ':' || hour > 23 || minute > 59 || second > 60) {
    return bad();
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) {
    return bad();
  }
  WallTime t = std::chrono::sys_days(date) + hours(hour) + minutes(minute) + seconds(second);
  std::size_t pos = 19;
  if (pos < text.size() && text[pos] == '.') {
    std::int64_t micros = 0, scale = 100'000;
    const std::size_t first = ++pos;
    for (; pos < text.size() && text[pos] >= '0' && text[pos] <= '9'; ++pos) {
      micros += (text[pos] - '0') * scale;
      scale /= 10;
    }
    if (pos == first) {
      return bad();
    }
    t += microseconds(micros);
  }
  const std::string_view zone = text.substr(pos);
  if (zone == "Z" || zone == "z") {
    return t;
  }
  const int off_hour = digits(zone, 1, 2), off_minute = digits(zone, 4, 2);
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || off_hour < 0 ||
      off_minute < 0 || off_hour > 23 || off_minute > 59) {
    return bad();
  }
  const minutes offset = hours(off_hour) + minutes(off_minute);
  return zone[0] == '+' ? t - offset : t + offset;
}

std::string format_duration(Duration d) {
  if (d == Duration::zero()) {
    return "0s";
  }
  const bool negative = d.count() < 0;
  std::uint64_t nanos =
      negative ? 0 - static_cast<std::uint64_t>(d.count()) : static_cast<std::uint64_t>(d.count());
  const auto fraction = [](std::uint64_t value, std::uint64_t unit) {
    std::string text = fmt::format("{}", value / unit);
    if (std::uint64_t rest = value % unit; rest != 0) {
      std::string tail = fmt::format("{}", unit + rest).substr(1);
      tail.erase(tail.find_last_not_of('0') + 1);
      text += "." + tail;
    }
    return text;
  };
  std::string text = negative ? "-" : "";
  if (nanos < 1'000) {
    return text + fmt::format("{}ns", nanos);
  }
  if (nanos < 1'000'000) {
    return text + fraction(nanos, 1'000) + "µs";
  }
  if (nanos < 1'000'000'000) {
    return text + fraction(nanos, 1'000'000) + "ms";
  }
  const std::uint64_t hour_count = nanos / 3'600'000'000'000U;
  const std::uint64_t minute_count = nanos / 60'000'000'000U % 60;
  if (hour_count > 0) {
    text += fmt::format("{}h", hour_count);
  }
  if (hour_count > 0 || minute_count > 0) {
    text += fmt::format("{}m", minute_count);
  }
  return text + fraction(nanos % 60'000'000'000U, 1'000'000'000U) + "s";
}

Result<Duration> parse_duration(std::string_view text) {
  const auto bad = [&] {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("'{}' is no duration; write it like 300ms, 2s, 48h or 1h30m", text));
  };
  std::string_view rest = text;
  const bool negative = !rest.empty() && rest[0] == '-';
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    rest.remove_prefix(1);
  }
  if (rest == "0") {
    return Duration::zero();
  }
  if (rest.empty() || rest.size() > 64) {
    return bad();
  }
  long double total = 0;
  while (!rest.empty()) {
    std::size_t length = rest.find_first_not_of("0123456789.");
    if (length == std::string_view::npos || length == 0) {
      return bad();
    }
    const std::string number(rest.substr(0, length));
    if (number == "." || number.find('.') != number.rfind('.')) {
      return bad();
    }
    long double value = 0;
    std::from_chars(number.data(), number.data() + number.size(), value);
    rest.remove_prefix(length);
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (rest.starts_with(candidate.name)) {
        unit = &candidate;
        break;
      }
    }
    if (unit == nullptr) {
      return bad();
    }
    rest.remove_prefix(unit->name.size());
    total += value * static_cast<long double>(unit->nanos);
  }
  if (total > static_cast<long double>(std::numeric_limits<std::int64_t>::max())) {
    return bad();
  }
  // Rounded, not cut: 32.693315228s is a hair below that many nanoseconds in binary.
  const auto nanos = static_cast<std::int64_t>(std::roundl(total));
  return Duration(negative ? -nanos : nanos);
}

}  // namespace ripcord
