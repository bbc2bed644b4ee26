// SPDX-License-Identifier: Apache-2.0
#pragma once
// Random objects of every kind, every field drawn, for round trips. A value of one seed is always
// the same.

#include "controller/model/resource.h"

#include <random>
#include <string>

namespace ripcord {

class RandomResource {
 public:
  explicit RandomResource(std::uint64_t seed) : random_(seed) {}
  Resource next();

 private:
  bool coin() { return number(0, 1) == 1; }
  std::int64_t number(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random_);
  }
  std::int64_t any_number();
  std::int32_t small() { return static_cast<std::int32_t>(number(-5, 100)); }
  double real() { return static_cast<double>(number(0, 1'000'000)) / 1024; }
  std::string text();
  std::string word();
  Duration duration() { return Duration(number(0, 1'000'000'000'000)); }
  WallTime time();
  std::vector<std::string> texts();
  std::string json_text();
  void fill(OverrideBase& v);
  void fill(CommonStatus& v);
  DatabaseRef database();
  std::vector<FlagSink> sinks();
  void fill(FeatureFlagSpec& v);
  void fill(FeatureFlagStatus& v);
  void fill(TrafficTargetSpec& v);
  void fill(TrafficTargetStatus& v);
  void fill(MigrationVersionSpec& v);
  void fill(MigrationVersionStatus& v);
  void fill(RestoreRequestSpec& v);
  void fill(RestoreRequestStatus& v);

  std::mt19937_64 random_;
};

}  // namespace ripcord
