// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether and when a request is sent again. Over all requests a budget bounds the retries, so that
// a server in trouble is not sent a multiple of its usual load.

#include "controller/base/clock.h"
#include "controller/base/mutex.h"
#include "controller/ports/http_client.h"

#include <cstdint>
#include <optional>
#include <random>

namespace ripcord::kubernetes {

struct RetryLimits {
  int attempts = 6;  // of one request, the first included
  Duration first_pause = std::chrono::milliseconds(100);
  Duration longest_pause = std::chrono::seconds(10);
  double jitter = 0.3;       // a pause is 1 to 1 + jitter times its nominal length
  double budget = 10;        // retries that may be made in a row
  double per_request = 0.2;  // what each request adds to the budget
  std::uint64_t seed = 0;    // 0: from the kernel
};

// Anything but a read.
bool is_write(const HttpRequest& request);

// What the server asked for, in whole seconds; nothing when it did not.
std::optional<Duration> retry_after(const HttpResponse& response);

// True when sending it again cannot do twice what was meant once: nothing arrived, or the server
// said that it did not act; a POST only when it said so and when to come again.
bool may_retry(const HttpRequest& request, const Result<HttpResponse>& result);

// Thread-safe.
class RetryBudget {
 public:
  explicit RetryBudget(RetryLimits limits);

  void count_request();
  // The pause before attempt number `attempt` (2 is the first retry); nothing when the attempts or
  // the budget are used up. `asked` is the server's Retry-After.
  std::optional<Duration> take(int attempt, std::optional<Duration> asked);

 private:
  const RetryLimits limits_;
  Mutex mutex_;
  double left_ GUARDED_BY(mutex_);
  std::mt19937_64 random_ GUARDED_BY(mutex_);
};

}  // namespace ripcord::kubernetes
