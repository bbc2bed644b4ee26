// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/credentials.h"

#include "adapters/kubernetes/exec_credential.h"
#include "adapters/kubernetes/text_file.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {

Credentials::Credentials(ClusterAccess access, const Clock& clock, CommandRunner* commands,
                         Logger log, CredentialTimes times)
    : access_(std::move(access)),
      clock_(clock),
      commands_(commands),
      log_(std::move(log)),
      times_(times) {}

Result<CredentialSetPtr> Credentials::current(std::stop_token stop) {
  const std::stop_callback wake(stop, [this] {
    const MutexLock lock(mutex_);
    changed_.notify_all();
  });
  const MutexLock lock(mutex_);
  for (;;) {
    if (stop.stop_requested()) {
      return error(StatusCode::kCancelled, "the request was cancelled");
    }
    if (current_ && !due(last_)) {
      return current_;
    }
    if (!reading_) {
      return refresh(false, stop);
    }
    if (current_ && usable(last_)) {
      return current_;
    }
    changed_.wait(mutex_);
  }
}

Result<bool> Credentials::renew(const CredentialSet& used, std::stop_token stop) {
  const std::stop_callback wake(stop, [this] {
    const MutexLock lock(mutex_);
    changed_.notify_all();
  });
  const MutexLock lock(mutex_);
  while (reading_ && !stop.stop_requested()) {
    changed_.wait(mutex_);
  }
  if (stop.stop_requested()) {
    return error(StatusCode::kCancelled, "the request was cancelled");
  }
  if (current_ && current_->version != used.version) {
    return true;  // somebody else had it renewed
  }
  ASSIGN_OR_RETURN(const CredentialSetPtr now, refresh(true, stop));
  return now->version != used.version;
}

bool Credentials::due(const Reading& reading) const {
  const MonoTime now = clock_.now();
  return now >= reading.token_due || now >= reading.certificates_due ||
         (reading.plugin_expires && now >= *reading.plugin_expires);
}

bool Credentials::usable(const Reading& reading) const {
  return !reading.plugin_expires || clock_.now() < *reading.plugin_expires;
}

Result<CredentialSetPtr> Credentials::refresh(bool forced, const std::stop_token& stop) {
  reading_ = true;
  Reading next = last_;
  mutex_.unlock();
  const Status read = read_all(next, forced, stop);
  mutex_.lock();
  reading_ = false;
  changed_.notify_all();
  last_.plugin_failed = next.plugin_failed;
  last_.plugin_not_before = next.plugin_not_before;
  if (!read.ok()) {
    return tl::unexpected<Status>(read);
  }
  const bool same = current_ && current_->token == next.set.token && current_->tls == next.set.tls;
  if (!same) {
    next.set.version = (current_ ? current_->version : 0) + 1;
    if (current_) {
      log_.info("the credentials for the API server changed", {{"from", access_.origin}});
    }
    current_ = std::make_shared<const CredentialSet>(next.set);
  }
  last_ = std::move(next);
  return current_;
}

Status Credentials::read_all(Reading& reading, bool forced, const std::stop_token& stop) const {
  const MonoTime now = clock_.now();
  if (forced || now >= reading.token_due) {
    RETURN_IF_ERROR(read_token(reading));
    reading.token_due = now + times_.token_period;
  }
  if (forced || now >= reading.certificates_due) {
    RETURN_IF_ERROR(read_certificates(reading));
    reading.certificates_due = now + times_.certificate_period;
  }
  if (access_.exec && (forced || !reading.plugin_ran ||
                       (reading.plugin_expires && now >= *reading.plugin_expires))) {
    RETURN_IF_ERROR(run_plugin(reading, forced, stop));
  }
  reading.set.token = reading.file_token.empty() ? reading.plugin_token : reading.file_token;
  reading.set.tls = reading.files;
  if (reading.plugin_tls) {
    reading.set.tls.certificate_pem = reading.plugin_tls->certificate_pem;
    reading.set.tls.private_key_pem = reading.plugin_tls->private_key_pem;
  }
  reading.set.tls.server_name = access_.server_name;
  reading.set.tls.insecure_skip_verify = access_.insecure_skip_verify;
  return ok_status();
}

Status Credentials::keep_or_read(const TextSource& source, std::string& kept,
                                 std::string_view what) const {
  if (source.file.empty()) {
    kept = source.text;
    return ok_status();
  }
  Result<std::string> text = read_text_file(source.file);
  if (text && !trimmed(*text).empty()) {
    kept = *std::move(text);
    return ok_status();
  }
  const std::string why = text ? fmt::format("{} is empty", source.file) : text.error().message();
  if (!kept.empty()) {
    log_.warning("a credential file cannot be read; the last content stays in force",
                 {{"what", std::string(what)}, {"error", why}});
    return ok_status();
  }
  return Status(StatusCode::kFailedPrecondition,
                fmt::format("{} of {}: {}", what, access_.origin, why), "NoCredentials");
}

Status Credentials::read_token(Reading& reading) const {
  if (!access_.token.given()) {
    return ok_status();
  }
  std::string token = reading.file_token;
  RETURN_IF_ERROR(keep_or_read(access_.token, token, "the token"));
  token = trimmed(token);
  const bool sendable =
      std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > 0x20 && c < 0x7F; });
  if (!sendable && !reading.file_token.empty()) {
    log_.warning("the token file holds no token; the last one stays in force",
                 {{"file", access_.token.file}});
    return ok_status();
  }
  if (!sendable) {
    return Status(StatusCode::kFailedPrecondition,
                  fmt::format("the token of {} has a character that no token has (such as a space)",
                              access_.origin),
                  "NoCredentials");
  }
  reading.file_token = std::move(token);
  return ok_status();
}

Status Credentials::read_certificates(Reading& reading) const {
  RETURN_IF_ERROR(keep_or_read(access_.ca, reading.files.ca_pem, "the CA"));
  TlsOptions next = reading.files;
  RETURN_IF_ERROR(
      keep_or_read(access_.certificate, next.certificate_pem, "the client certificate"));
  RETURN_IF_ERROR(keep_or_read(access_.key, next.private_key_pem, "the client key"));
  reading.files = std::move(next);
  return ok_status();
}

Status Credentials::run_plugin(Reading& reading, bool forced, const std::stop_token& stop) const {
  const bool pausing = reading.plugin_not_before && clock_.now() < *reading.plugin_not_before;
  if (pausing && reading.plugin_ran && usable(reading)) {
    return ok_status();  // what was refused just now came from the plugin just now
  }
  if (pausing && !reading.plugin_failed.ok()) {
    return reading.plugin_failed;
  }
  if (commands_ == nullptr) {
    return Status(
        StatusCode::kFailedPrecondition,
        fmt::format("{} wants a credential plugin, and none can be run here", access_.origin),
        "CredentialPlugin");
  }
  Result<codec::ExecCredential> got =
      run_credential_plugin(*commands_, access_, reading.files.ca_pem, times_.plugin_timeout, stop);
  if (got && got->expires && *got->expires <= clock_.wall_now()) {
    got = error(StatusCode::kUnavailable,
                fmt::format("credential plugin '{}' of {} gave a credential that has expired",
                            access_.exec->command, access_.origin),
                "CredentialPlugin");
  }
  const MonoTime now = clock_.now();
  if (!got) {
    if (got.error().code() == StatusCode::kCancelled) {
      return got.error();
    }
    reading.plugin_not_before = now + times_.plugin_pause;
    reading.plugin_failed = got.error();
    if (reading.plugin_ran && usable(reading)) {
      log_.warning("the credential plugin failed; the last credential stays in force",
                   {{"error", got.error().message()}});
      return ok_status();
    }
    return got.error();
  }
  reading.plugin_failed = ok_status();
  if (forced) {
    reading.plugin_not_before = now + times_.plugin_pause;
  }
  take(*std::move(got), reading);
  return ok_status();
}

void Credentials::take(codec::ExecCredential got, Reading& reading) const {
  reading.plugin_ran = true;
  reading.plugin_token = trimmed(got.token);
  reading.plugin_tls.reset();
  if (!got.certificate_pem.empty()) {
    reading.plugin_tls.emplace();
    reading.plugin_tls->certificate_pem = std::move(got.certificate_pem);
    reading.plugin_tls->private_key_pem = std::move(got.private_key_pem);
  }
  reading.plugin_expires.reset();
  if (got.expires) {
    reading.plugin_expires =
        clock_.now() + std::chrono::duration_cast<Duration>(*got.expires - clock_.wall_now());
  }
}

}  // namespace ripcord::kubernetes
