// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/retry_policy.h"

#include <algorithm>
#include <charconv>

namespace ripcord::kubernetes {

bool is_write(const HttpRequest& request) {
  return request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS";
}

std::optional<Duration> retry_after(const HttpResponse& response) {
  const auto header = response.headers.find("retry-after");
  if (header == response.headers.end()) {
    return std::nullopt;
  }
  const std::string& text = header->second;
  std::uint32_t seconds = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (end.ec != std::errc() || end.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return std::chrono::seconds(seconds);
}

bool may_retry(const HttpRequest& request, const Result<HttpResponse>& result) {
  if (!result) {
    const Status& failed = result.error();
    const bool unseen = failed.reason() == kNotConnected || failed.reason() == kTlsFailed;
    return failed.code() == StatusCode::kUnavailable && request.method != "POST" &&
           (unseen || !is_write(request));
  }
  const bool told = retry_after(*result).has_value();
  switch (result->status) {
    case 429:
    case 503:
      return request.method != "POST" || told;
    case 504:
      return request.method != "POST";
    default:
      return false;
  }
}

RetryBudget::RetryBudget(RetryLimits limits)
    : limits_(limits),
      left_(limits.budget),
      random_(limits.seed != 0 ? limits.seed : std::random_device()()) {}

void RetryBudget::count_request() {
  const MutexLock lock(mutex_);
  left_ = std::min(limits_.budget, left_ + limits_.per_request);
}

std::optional<Duration> RetryBudget::take(int attempt, std::optional<Duration> asked) {
  const MutexLock lock(mutex_);
  if (attempt > limits_.attempts || left_ < 1) {
    return std::nullopt;
  }
  left_ -= 1;
  Duration pause = limits_.first_pause;
  for (int i = 2; i < attempt && pause < limits_.longest_pause; ++i) {
    pause *= 2;
  }
  pause = std::max(std::min(pause, limits_.longest_pause), asked.value_or(Duration::zero()));
  const double share = std::uniform_real_distribution<double>(0, limits_.jitter)(random_);
  return pause + std::chrono::duration_cast<Duration>(pause * share);
}

}  // namespace ripcord::kubernetes
