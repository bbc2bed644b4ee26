// SPDX-License-Identifier: Apache-2.0
#pragma once
// Debian's Prometheus, scraping ports of loopback every second, with a file of rules. Throws
// std::runtime_error when it does not start or does not answer.

#include "controller/ports/http_client.h"
#include "tests/support/process.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace ripcord {

class ScrapingPrometheus {
 public:
  ScrapingPrometheus(const std::vector<std::uint16_t>& targets, const std::string& rules_file);

  // The answer of an instant query: its `data.result`; what Prometheus says when it refuses.
  nlohmann::json query(const std::string& expression) const;
  std::vector<std::string> label_values(const std::string& label, const std::string& match) const;
  // Every loaded alert by name: its entry of /api/v1/rules.
  std::map<std::string, nlohmann::json> alerts() const;

 private:
  nlohmann::json post(const std::string& path,
                      const std::map<std::string, std::string>& form) const;

  TempDir dir_;
  std::string address_;
  std::unique_ptr<HttpClient> client_;
  std::unique_ptr<ChildProcess> process_;
};

// Whether a query's result holds at least one number; NaN, as of a quantile of nothing, is none.
bool has_number(const nlohmann::json& result);

}  // namespace ripcord
