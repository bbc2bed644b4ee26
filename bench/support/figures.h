// SPDX-License-Identifier: Apache-2.0
#pragma once
// What benchmarks do with times: take them, and sum up those of several rounds.

#include <algorithm>
#include <chrono>
#include <vector>

namespace ripcord {

template <class Work>
double seconds_of(const Work& work) {
  const auto since = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - since).count();
}

// Of at least one.
inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values.at(values.size() / 2);
}

struct Ratios {
  double median = 0;
  double least = 0;
  double most = 0;
};

// Round by round: what one side took, divided by what the other did in the same round.
inline Ratios ratios_of(const std::vector<double>& ours, const std::vector<double>& theirs) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    ratios.push_back(ours[i] / theirs.at(i));
  }
  const auto [least, most] = std::minmax_element(ratios.begin(), ratios.end());
  return {median(ratios), *least, *most};
}

}  // namespace ripcord
