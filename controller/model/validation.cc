// SPDX-License-Identifier: Apache-2.0
#include "controller/model/validation.h"

#include "controller/model/validation_rules.h"

#include <algorithm>
#include <variant>

#include <fmt/format.h>

namespace ripcord {
namespace {

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
    if (value.size() > 63) {
      errors.add("metadata.labels." + shown(key),
                 "a label has at most 63 characters; use an annotation");
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
