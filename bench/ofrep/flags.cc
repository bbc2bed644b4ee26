// SPDX-License-Identifier: Apache-2.0
#include "bench/ofrep/flags.h"

#include "bench/ofrep/load.h"

#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

namespace ripcord::bench {

std::string flag_name(int number) {
  return fmt::format("flag-{}", number);
}

Resource flag(int number) {
  Resource resource = make_resource(Kind::kFeatureFlag, flag_name(number));
  resource.meta.generation = 1;
  auto& spec = std::get<FeatureFlagSpec>(resource.spec);
  spec.key = resource.meta.name;
  spec.variants = {{"on", "true"}, {"off", "false"}};
  spec.default_variant = "on";
  spec.off_variant = "off";
  return resource;
}

std::string post(const std::string& path) {
  const std::string body = R"({"context":{"targetingKey":"user-1","plan":"pro"}})";
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      path, body.size(), body);
}

void head(std::string_view title) {
  fmt::print("{:<60} {:>9} {:>9} {:>9}\n", title, "p50 ms", "p99 ms", "x floor");
}

void row(std::string_view what, std::vector<double>& microseconds, std::vector<double>* floor) {
  const double median = quantile(microseconds, 0.5);
  fmt::print("{:<60} {:>9.3f} {:>9.3f}", what, median / 1000, quantile(microseconds, 0.99) / 1000);
  if (floor != nullptr) {
    fmt::print(" {:>9.2f}", median / quantile(*floor, 0.5));
  }
  fmt::print("\n");
  std::fflush(stdout);
}

void give_up(std::string_view why) {
  fmt::print(stderr, "bench_ofrep: {}\n", why);
  std::exit(1);
}

}  // namespace ripcord::bench
