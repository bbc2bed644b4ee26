// SPDX-License-Identifier: Apache-2.0
#pragma once
// Asks an OFREP endpoint for one flag, as an application's server SDK does.

#include "controller/ports/flags.h"
#include "controller/ports/http_client.h"

#include <string>

namespace ripcord::ofrep {

// Thread-safe.
class OfrepEvaluation final : public FlagEvaluation {
 public:
  // `base_url` without a path, "http://127.0.0.1:8016"; `client` must outlive this.
  OfrepEvaluation(HttpClient& client, std::string base_url,
                  Duration timeout = std::chrono::seconds(2))
      : client_(client), base_url_(std::move(base_url)), timeout_(timeout) {}

  // NotFound: the endpoint does not know the flag; Unavailable and DeadlineExceeded: no answer, or
  // one that is not OFREP.
  Result<FlagAnswer> evaluate(const std::string& key) override;

 private:
  HttpClient& client_;
  const std::string base_url_;
  const Duration timeout_;
};

}  // namespace ripcord::ofrep
