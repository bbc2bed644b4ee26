// SPDX-License-Identifier: Apache-2.0
#include "controller/model/validation.h"

#include "controller/model/validation_rules.h"

#include <algorithm>
#include <variant>

#include <fmt/format.h>

namespace ripcord {
namespace {

// At most 63 of A-Z a-z 0-9 - _ and . that start and end with a letter or digit.
bool is_label_word(std::string_view word) {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !word.empty() && word.size() <= 63 && alphanumeric(word.front()) &&
         alphanumeric(word.back()) && std::all_of(word.begin(), word.end(), [&](char c) {
           return alphanumeric(c) || c == '-' || c == '_' || c == '.';
         });
}

// "app" or "app.kubernetes.io/name".
bool is_qualified_name(std::string_view key) {
  const std::size_t slash = key.find('/');
  if (slash == std::string_view::npos) {
    return is_label_word(key);
  }
  return is_dns_subdomain(key.substr(0, slash)) && is_label_word(key.substr(slash + 1));
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

constexpr const char* kKeyRule =
    "is no key of a label or annotation; write a name, e.g. app, or one with a DNS prefix, e.g. "
    "app.kubernetes.io/name";

void check_metadata(const Metadata& meta, FieldErrors& errors) {
  if (!is_dns_subdomain(meta.name)) {
    errors.add("metadata.name",
               "must be a DNS name: at most 253 of a-z, 0-9, '-' and '.', each part starting and "
               "ending with a letter or digit, e.g. new-checkout");
  }
  if (!is_dns_subdomain(meta.ns) || meta.ns.size() > 63 || meta.ns.find('.') != std::string::npos) {
    errors.add("metadata.namespace",
               "must be a DNS label: at most 63 of a-z, 0-9 and '-', e.g. default");
  }
  for (const auto& [key, value] : meta.labels) {
    const std::string path = "metadata.labels." + shown(key);
    if (!is_qualified_name(key)) {
      errors.add(path, kKeyRule);
    }
    if (!value.empty() && !is_label_word(value)) {
      errors.add(path,
                 "a label has at most 63 of A-Z, a-z, 0-9, '-', '_' and '.', starting and ending "
                 "with a letter or digit; use an annotation for other text");
    }
  }
  for (const auto& [key, value] : meta.annotations) {
    if (!is_qualified_name(lower_case(key))) {
      errors.add("metadata.annotations." + shown(key), kKeyRule);
    }
  }
  errors.at_most("metadata.labels", meta.labels.size(), 64);
  errors.at_most("metadata.annotations", meta.annotations.size(), 64);
  errors.at_most("metadata.finalizers", meta.finalizers.size(), 16);
}

}  // namespace

std::vector<FieldError> validate(const Resource& resource) {
  FieldErrors errors;
  check_metadata(resource.meta, errors);
  std::visit([&](const auto& spec) { check(spec, errors); }, resource.spec);
  return errors.take();
}

Status validation_status(const Resource& resource) {
  const std::vector<FieldError> errors = validate(resource);
  if (errors.empty()) {
    return ok_status();
  }
  std::string text;
  for (const FieldError& error : errors) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ", error.path, error.message);
  }
  return Status(StatusCode::kInvalidArgument, text, "Invalid");
}

bool is_dns_subdomain(std::string_view name) {
  if (name.empty() || name.size() > 253) {
    return false;
  }
  const auto alphanumeric = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  char before = '.';
  for (const char c : name) {
    const bool separator = c == '-' || c == '.';
    if (!alphanumeric(c) && !separator) {
      return false;
    }
    // Each part starts and ends with a letter or digit.
    if ((before == '.' && separator) || (before == '-' && c == '.')) {
      return false;
    }
    before = c;
  }
  return alphanumeric(before);
}

}  // namespace ripcord
