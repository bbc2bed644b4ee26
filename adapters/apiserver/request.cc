// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/request.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

constexpr std::size_t kMaxManager = 128;

int hex(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string decoded(std::string_view text, bool in_query) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += in_query && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::optional<Kind> kind_of_plural(std::string_view name) {
  const auto at = std::find_if(kAllKinds.begin(), kAllKinds.end(),
                               [&](Kind kind) { return plural(kind) == name; });
  return at == kAllKinds.end() ? std::nullopt : std::optional(*at);
}

std::string lower(std::string text) {
  for (char& c : text) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return text;
}

// Calls `use` for each media range of Accept, in the order written, until it says true.
template <class F>
bool any_accepted(const ServedRequest& request, F use) {
  const std::string accept = header(request, "accept");
  std::string_view rest = accept;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    if (use(rest.substr(0, end))) {
      return true;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

Status invalid(std::string message) {
  return {StatusCode::kInvalidArgument, std::move(message), "Invalid"};
}

std::string default_manager(const ServedRequest& request) {
  const auto agent = request.headers.find("user-agent");
  const std::string name =
      agent == request.headers.end() ? "" : agent->second.substr(0, agent->second.find('/'));
  return name.empty() ? "unknown" : name.substr(0, kMaxManager);
}

}  // namespace

Query query_of(std::string_view encoded) {
  Query values;
  while (!encoded.empty()) {
    const std::size_t end = std::min(encoded.find('&'), encoded.size());
    const std::string_view pair = encoded.substr(0, end);
    const std::size_t equals = std::min(pair.find('='), pair.size());
    values[decoded(pair.substr(0, equals), true)] =
        decoded(pair.substr(std::min(equals + 1, pair.size())), true);
    encoded.remove_prefix(std::min(end + 1, encoded.size()));
  }
  return values;
}

std::vector<std::string> segments_of(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    if (end > 0) {
      segments.push_back(decoded(path.substr(0, end), false));
    }
    path.remove_prefix(std::min(end + 1, path.size()));
  }
  return segments;
}

std::string header(const ServedRequest& request, const std::string& name) {
  const auto at = request.headers.find(name);
  return at == request.headers.end() ? std::string() : lower(at->second);
}

std::string text_of(const Query& query, const std::string& key) {
  const auto at = query.find(key);
  return at == query.end() ? std::string() : at->second;
}

bool is_true(const Query& query, const std::string& key) {
  const std::string value = text_of(query, key);
  return value == "true" || value == "1" || value == "True";
}

Result<std::int64_t> number_of(const Query& query, const std::string& key, std::int64_t otherwise) {
  const std::string text = text_of(query, key);
  if (text.empty()) {
    return otherwise;
  }
  std::int64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || value < 0) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("{}: '{}' is no number from 0 on", key, text.substr(0, 64)),
                 "BadRequest");
  }
  return value;
}

std::optional<Target> target_of(const std::vector<std::string>& segments) {
  // apis, ripcord.dev, v1alpha1 were matched before.
  std::size_t at = 3;
  Target target;
  if (segments.size() > at + 2 && segments[at] == "namespaces") {
    target.ns = segments[at + 1];
    at += 2;
  }
  if (segments.size() <= at || segments.size() > at + 3) {
    return std::nullopt;
  }
  const std::optional<Kind> kind = kind_of_plural(segments[at]);
  if (!kind || (segments.size() > at + 1 && target.ns.empty())) {
    return std::nullopt;
  }
  target.kind = *kind;
  if (segments.size() > at + 1) {
    target.name = segments[at + 1];
  }
  if (segments.size() > at + 2) {
    if (segments[at + 2] != "status") {
      return std::nullopt;
    }
    target.status = true;
  }
  return target;
}

codec::AnswerForm form_of(const ServedRequest& request, const Query& query, WallTime now) {
  codec::AnswerForm form;
  form.now = now;
  const std::string include = text_of(query, "includeObject");
  form.row_object = include == "None"     ? codec::RowObject::kNone
                    : include == "Object" ? codec::RowObject::kObject
                                          : codec::RowObject::kMetadata;
  any_accepted(request, [&](std::string_view range) {
    if (!has(range, "json")) {
      return false;
    }
    if (has(range, "as=table") && has(range, "v=v1") && !has(range, "v=v1beta1")) {
      form.shape = codec::Shape::kTable;
      return true;
    }
    if (has(range, "as=partialobjectmetadata") && !has(range, "v=v1beta1")) {
      form.shape = codec::Shape::kMetadata;
      return true;
    }
    return !has(range, "as=");
  });
  return form;
}

bool wants_aggregated_discovery(const ServedRequest& request) {
  bool wanted = false;
  any_accepted(request, [&](std::string_view range) {
    wanted = has(range, "as=apigroupdiscoverylist") && has(range, "v=v2") &&
             !has(range, "v=v2beta1") && has(range, "json");
    return wanted || (has(range, "json") && !has(range, "as="));
  });
  return wanted;
}

Result<bool> dry_run(const Query& query) {
  const std::string value = text_of(query, "dryRun");
  if (!value.empty() && value != "All") {
    return as_return(invalid(fmt::format(
        "dryRun: Unsupported value: \"{}\": supported values: \"All\"", value.substr(0, 64))));
  }
  return !value.empty();
}

Result<codec::WriteRequest> write_request(const ServedRequest& request, const Query& query,
                                          const Target& target, WallTime now) {
  codec::WriteRequest write;
  write.key = target.key();
  write.status = target.status;
  write.now = now;
  write.force = is_true(query, "force");
  write.manager = text_of(query, "fieldManager");
  if (write.manager.size() > kMaxManager) {
    return as_return(invalid("fieldManager: Too long: may not be more than 128 bytes"));
  }
  if (write.manager.empty()) {
    write.manager = default_manager(request);
  }
  const std::string validation = text_of(query, "fieldValidation");
  if (validation == "Strict") {
    write.validation = codec::FieldValidation::kStrict;
  } else if (validation == "Ignore") {
    write.validation = codec::FieldValidation::kIgnore;
  } else if (!validation.empty() && validation != "Warn") {
    return as_return(invalid(fmt::format(
        "fieldValidation: Unsupported value: \"{}\": supported values: \"Ignore\", \"Strict\", "
        "\"Warn\"",
        validation.substr(0, 64))));
  }
  return write;
}

}  // namespace ripcord::apiserver
