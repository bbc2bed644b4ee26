// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/grafana/scraping_prometheus.h"

#include "adapters/http/client.h"

#include <cctype>
#include <filesystem>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord {
namespace {

using nlohmann::json;

std::string percent_encoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string form_text(const std::map<std::string, std::string>& form) {
  std::string text;
  for (const auto& [name, value] : form) {
    text += (text.empty() ? "" : "&") + name + "=" + percent_encoded(value);
  }
  return text;
}

}  // namespace

ScrapingPrometheus::ScrapingPrometheus(const std::vector<std::uint16_t>& targets,
                                       const std::string& rules_file)
    : address_(fmt::format("127.0.0.1:{}", free_port())), client_(http::make_http_client()) {
  std::filesystem::copy_file(rules_file, dir_ / "rules.yaml");
  write_file(dir_ / "prometheus.yml",
             fmt::format("global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n"
                         "rule_files: [rules.yaml]\n"
                         "scrape_configs:\n"
                         "- job_name: ripcord\n"
                         "  honor_labels: true\n"
                         "  static_configs: [{{targets: ['127.0.0.1:{}']}}]\n",
                         fmt::join(targets, "', '127.0.0.1:")));
  process_ = std::make_unique<ChildProcess>(
      ProcessOptions{.argv = {"prometheus", "--config.file=" + (dir_ / "prometheus.yml"),
                              "--storage.tsdb.path=" + (dir_ / "data"),
                              "--web.listen-address=" + address_, "--log.level=warn"}});
  const std::string all = fmt::format("count(ripcord_build_info) == {}", targets.size());
  const bool up = eventually([&] { return has_number(query(all)); }, std::chrono::seconds(60));
  if (!up) {
    throw std::runtime_error("Prometheus did not scrape Ripcord: " + process_->err());
  }
}

json ScrapingPrometheus::post(const std::string& path,
                              const std::map<std::string, std::string>& form) const {
  HttpRequest request;
  request.method = form.empty() ? "GET" : "POST";
  request.url = "http://" + address_ + path;
  request.body = form_text(form);
  request.headers["Content-Type"] = "application/x-www-form-urlencoded";
  const HttpResponse response = client_->send(request).value_or(HttpResponse{});
  return json::parse(response.body, nullptr, false);
}

json ScrapingPrometheus::query(const std::string& expression) const {
  const json answer = post("/api/v1/query", {{"query", expression}});
  if (answer.is_discarded()) {
    return "no answer";
  }
  return answer.value("status", "") == "success" ? answer["data"]["result"]
                                                 : json(answer.value("error", "refused"));
}

std::vector<std::string> ScrapingPrometheus::label_values(const std::string& label,
                                                          const std::string& match) const {
  const json answer =
      post("/api/v1/label/" + label + "/values?match%5B%5D=" + percent_encoded(match), {});
  if (answer.is_discarded() || answer.value("status", "") != "success") {
    throw std::runtime_error("label_values(" + match + ", " + label + "): " + answer.dump());
  }
  return answer["data"].get<std::vector<std::string>>();
}

std::map<std::string, json> ScrapingPrometheus::alerts() const {
  std::map<std::string, json> all;
  const json answer = post("/api/v1/rules", {});
  for (const json& group : answer.at("data").at("groups")) {
    for (const json& rule : group.at("rules")) {
      all[rule.at("name")] = rule;
    }
  }
  return all;
}

bool has_number(const json& result) {
  if (!result.is_array()) {
    return false;
  }
  for (const json& series : result) {
    if (series.contains("value") && series["value"][1] != "NaN") {
      return true;
    }
  }
  return false;
}

}  // namespace ripcord
