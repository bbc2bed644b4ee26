// SPDX-License-Identifier: Apache-2.0
#pragma once
// The credentials of one access, kept fresh: token files are read every minute, certificates every
// five, a plugin runs when what it gave expires; renew() reads all of it at once. A file that
// cannot be read or is empty leaves the old content in force. One thread reads; the others go on
// with what there is, or wait for the first. Thread-safe; no credential is ever logged.

#include "adapters/kubernetes/cluster_access.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/codec/exec_credential.h"
#include "controller/ports/command.h"
#include "controller/ports/http_clients.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace ripcord::kubernetes {

struct CredentialSet {
  std::string token;  // empty: none
  TlsOptions tls;
  std::uint64_t version = 0;  // grows with each change
};
using CredentialSetPtr = std::shared_ptr<const CredentialSet>;

struct CredentialTimes {
  Duration token_period = std::chrono::seconds(50);  // a minute, less ten seconds for the way
  Duration certificate_period = std::chrono::minutes(5);
  Duration plugin_timeout = std::chrono::seconds(30);
  // The least time between two runs of a plugin that failed, or whose credential was refused again.
  Duration plugin_pause = std::chrono::seconds(5);
};

class Credentials {
 public:
  // `commands` (may be null when the access has no plugin), `clock` must outlive this.
  Credentials(ClusterAccess access, const Clock& clock, CommandRunner* commands, Logger log = {},
              CredentialTimes times = {});

  const ClusterAccess& access() const { return access_; }
  // For a request that is sent now. Fails only while there has never been a credential, or when a
  // plugin cannot replace one that has expired.
  Result<CredentialSetPtr> current(std::stop_token stop = {});
  // `used` was refused. True when there is another one now.
  Result<bool> renew(const CredentialSet& used, std::stop_token stop = {});

 private:
  // What one reading gave; of the thread that reads.
  struct Reading {
    CredentialSet set;
    std::string file_token;
    std::string plugin_token;
    TlsOptions files;
    std::optional<TlsOptions> plugin_tls;
    MonoTime token_due{};
    MonoTime certificates_due{};
    std::optional<MonoTime> plugin_expires;
    std::optional<MonoTime> plugin_not_before;
    Status plugin_failed;
    bool plugin_ran = false;
  };

  bool due(const Reading& reading) const;
  bool usable(const Reading& reading) const;
  Result<CredentialSetPtr> refresh(bool forced, const std::stop_token& stop) REQUIRES(mutex_);
  Status read_all(Reading& reading, bool forced, const std::stop_token& stop) const;
  Status read_token(Reading& reading) const;
  Status read_certificates(Reading& reading) const;
  Status run_plugin(Reading& reading, bool forced, const std::stop_token& stop) const;
  void take(codec::ExecCredential got, Reading& reading) const;
  Status keep_or_read(const TextSource& source, std::string& kept, std::string_view what) const;

  const ClusterAccess access_;
  const Clock& clock_;
  CommandRunner* const commands_;
  const Logger log_;
  const CredentialTimes times_;
  Mutex mutex_;
  CondVar changed_;
  bool reading_ GUARDED_BY(mutex_) = false;
  Reading last_ GUARDED_BY(mutex_);
  CredentialSetPtr current_ GUARDED_BY(mutex_);
};

}  // namespace ripcord::kubernetes
