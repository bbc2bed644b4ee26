// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/health.h"

#include "controller/base/time_text.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord {
namespace {

// Listing and watching are bounded to well below this.
constexpr Duration kSilenceLimit = std::chrono::minutes(2);

std::string readiness(const LoopHealth& loop) {
  std::string line = fmt::format("[{}]{} ", loop.synced ? '+' : '-', to_string(loop.kind));
  if (!loop.synced) {
    line += "not synced";
    line += loop.watch_error.empty() ? ": first list is on its way" : ": " + loop.watch_error;
    return line + "\n";
  }
  line += fmt::format("synced, {} objects, {} of {} workers busy, last success {}", loop.objects,
                      loop.busy, loop.workers,
                      loop.last_success ? format_time(*loop.last_success) : "never");
  if (!loop.watch_error.empty()) {
    line += ", watch interrupted: " + loop.watch_error;
  }
  if (loop.last_error_at) {
    line += fmt::format(", last error {}: {}", format_time(*loop.last_error_at), loop.last_error);
  }
  return line + "\n";
}

std::string state(const SourceHealth& source) {
  if (source.problems.empty()) {
    return fmt::format("[+]{} ok\n", source.name);
  }
  return fmt::format("[+]{} has {} problem{}, the first: {}\n", source.name, source.problems.size(),
                     source.problems.size() == 1 ? "" : "s", source.problems.front());
}

HealthReport report(std::string_view name, bool ok, bool verbose, std::string lines) {
  if (ok && !verbose) {
    return {true, "ok"};
  }
  return {ok, fmt::format("{}{} check {}\n", lines, name, ok ? "passed" : "failed")};
}

}  // namespace

HealthReport readyz(const std::vector<LoopHealth>& loops, bool verbose,
                    const std::vector<SourceHealth>& sources) {
  std::string lines;
  for (const LoopHealth& loop : loops) {
    lines += readiness(loop);
  }
  for (const SourceHealth& source : sources) {
    lines += state(source);
  }
  const bool ok =
      std::ranges::any_of(loops, &LoopHealth::synced) &&
      std::ranges::all_of(loops, [](const auto& l) { return l.synced || !l.watch_error.empty(); });
  return report("readyz", ok, verbose, std::move(lines));
}

HealthReport livez(const std::vector<LoopHealth>& loops, bool verbose) {
  std::string lines;
  bool ok = true;
  for (const LoopHealth& loop : loops) {
    const bool alive = loop.silence < kSilenceLimit;
    ok = ok && alive;
    lines += alive ? fmt::format("[+]{} loop alive\n", to_string(loop.kind))
                   : fmt::format("[-]{} loop not seen for {}\n", to_string(loop.kind),
                                 format_duration(loop.silence));
  }
  return report("livez", ok, verbose, std::move(lines));
}

}  // namespace ripcord
