// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the measurements of flags share: the flags, requests to the endpoint, and a printed row.

#include "controller/model/resource.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::bench {

inline constexpr int kFlags = 10'000;

using Steady = std::chrono::steady_clock;

inline double us_since(Steady::time_point start, Steady::time_point end = Steady::now()) {
  return std::chrono::duration<double, std::micro>(end - start).count();
}

std::string flag_name(int number);
// A flag that is on: generation 1, spec.key left to its default.
Resource flag(int number);
// A whole HTTP request for `path` with an evaluation context.
std::string post(const std::string& path);
inline std::string evaluation_of(const std::string& key) {
  return post("/ofrep/v1/evaluate/flags/" + key);
}

void head(std::string_view title);
// p50 and p99 in ms; with `floor`, the ratio of the p50s.
void row(std::string_view what, std::vector<double>& microseconds,
         std::vector<double>* floor = nullptr);
[[noreturn]] void give_up(std::string_view why);

}  // namespace ripcord::bench
