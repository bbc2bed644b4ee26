// SPDX-License-Identifier: Apache-2.0
#include "controller/model/validation_rules.h"

#include "controller/base/time_text.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace ripcord {
namespace {

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](std::string_view prefix) { return text.starts_with(prefix); });
}

// user:password@ in the authority, or a password parameter of libpq. Errs on the side of yes.
bool has_password(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) {
    return url.find("password") != std::string_view::npos;
  }
  const std::string_view rest = url.substr(scheme + 3);
  // A password may hold an unescaped '/', so the last '@' before the query ends the credentials.
  const std::string_view before_query = rest.substr(0, rest.find('?'));
  const std::size_t at = before_query.rfind('@');
  if (at != std::string_view::npos &&
      before_query.substr(0, at).find(':') != std::string_view::npos) {
    return true;
  }
  const std::size_t query = rest.find('?');
  return query != std::string_view::npos &&
         rest.substr(query).find("password") != std::string_view::npos;
}

void check_postgres(const DatabaseRef& database, FieldErrors& errors) {
  const int given = (database.url.empty() ? 0 : 1) + (database.url_env.empty() ? 0 : 1) +
                    (database.url_file.empty() ? 0 : 1) + (database.url_secret ? 1 : 0);
  if (given != 1) {
    errors.add("spec.database",
               "PostgreSQL needs exactly one of url, urlFrom.env, urlFrom.file and "
               "urlFrom.secretKeyRef, e.g. `urlFrom: {env: SHOP_DATABASE_URL}`");
  }
  if (!database.path.empty()) {
    errors.add("spec.database.path", "belongs to engine SQLite; PostgreSQL takes url or urlFrom");
  }
  if (database.url.empty()) {
    return;
  }
  // The content of a URL is never repeated in a message.
  if (!starts_with_any(database.url, {"postgres://", "postgresql://"})) {
    errors.add("spec.database.url",
               "must start with postgres:// or postgresql://, e.g. postgres://app@db:5432/shop");
  }
  if (has_password(database.url)) {
    errors.add("spec.database.url",
               "holds a password, which manifests must not; write `urlFrom: {env: NAME}` or "
               "`urlFrom: {file: PATH}` instead");
  }
}

}  // namespace

bool is_environment_name(std::string_view name) {
  return !name.empty() && name.size() <= 256 &&
         std::isdigit(static_cast<unsigned char>(name.front())) == 0 &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
         });
}

std::string shown(std::string_view name) {
  return name.find("://") == std::string_view::npos ? std::string(name.substr(0, 128))
                                                    : "(a URL, not shown)";
}

void FieldErrors::add(std::string path, std::string message) {
  errors_.push_back({std::move(path), std::move(message)});
}

void FieldErrors::text(const std::string& path, std::string_view value, std::size_t limit) {
  if (value.size() > limit) {
    add(path, fmt::format("has {} bytes; at most {} are allowed", value.size(), limit));
  }
  if (value.find('\0') != std::string_view::npos) {
    add(path, "holds a NUL character; remove it");
  }
}

void FieldErrors::at_most(const std::string& path, std::size_t count, std::size_t limit) {
  if (count > limit) {
    add(path, fmt::format("has {} entries; at most {} are allowed", count, limit));
  }
}

void FieldErrors::range(const std::string& path, std::int64_t value, std::int64_t least,
                        std::int64_t most) {
  if (value < least || value > most) {
    add(path, fmt::format("is {}; write a number from {} to {}", value, least, most));
  }
}

void FieldErrors::duration(const std::string& path, Duration value, Duration least, Duration most) {
  if (value < least || value > most) {
    add(path, fmt::format("is {}; write a duration from {} to {}", format_duration(value),
                          format_duration(least), format_duration(most)));
  }
}

void check_override(const OverrideBase& override, FieldErrors& errors) {
  errors.text("spec.override.reason", override.reason, kMaxReasonBytes);
  errors.text("spec.override.by", override.by, 256);
}

void check_database(const DatabaseRef& database, FieldErrors& errors) {
  errors.text("spec.database.url", database.url, 2048);
  errors.text("spec.database.urlFrom.file", database.url_file, kMaxPathBytes);
  errors.text("spec.database.path", database.path, kMaxPathBytes);
  if (!database.url_env.empty() && !is_environment_name(database.url_env)) {
    errors.add("spec.database.urlFrom.env",
               "must be the name of an environment variable (letters, digits and '_'), e.g. "
               "SHOP_DATABASE_URL");
  }
  if (database.url_secret) {
    check_object_name("spec.database.urlFrom.secretKeyRef.name", database.url_secret->name, errors);
    check_object_key("spec.database.urlFrom.secretKeyRef.key", database.url_secret->key, errors);
  }
  if (database.engine == Engine::kPostgreSql) {
    check_postgres(database, errors);
    return;
  }
  if (!database.url.empty() || !database.url_env.empty() || !database.url_file.empty() ||
      database.url_secret) {
    errors.add(
        database.url.empty() ? "spec.database.urlFrom" : "spec.database.url",
        fmt::format("belongs to engine PostgreSQL; {} takes path", to_string(database.engine)));
  }
  if (database.path.empty()) {
    errors.add("spec.database.path", database.engine == Engine::kSqlite
                                         ? "is missing; write the file, e.g. `path: ./shop.db`"
                                         : "is missing; write the name of a simulated database");
  }
}

void check_http_url(const std::string& path, std::string_view url, FieldErrors& errors) {
  if (url.empty()) {
    return;
  }
  errors.text(path, url, 2048);
  const std::string_view host = url.substr(std::min(url.size(), url.find("://") + 3));
  if (!starts_with_any(url, {"http://", "https://"}) || host.empty() || host.front() == '/') {
    errors.add(path, "must be an http:// or https:// URL, e.g. http://127.0.0.1:8080/");
    return;
  }
  if (url.find_first_of(" \t\r\n") != std::string_view::npos) {
    errors.add(path, "holds white space; write it as %20");
  }
  if (host.substr(0, host.find('/')).find('@') != std::string_view::npos) {
    errors.add(path, "holds a user name or password, which manifests must not; remove it");
  }
}

}  // namespace ripcord
