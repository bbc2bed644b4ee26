// SPDX-License-Identifier: Apache-2.0
#pragma once
// One value of one Secret of a cluster, read by name each time that it is asked for: nothing is
// listed and nothing is kept. Thread-safe.

#include "controller/base/status.h"
#include "controller/model/database.h"

#include <string>

namespace ripcord {

class SecretReader {
 public:
  virtual ~SecretReader() = default;
  // FailedPrecondition (SecretNotFound, SecretKeyNotFound), PermissionDenied (MissingRight) and
  // others name the Secret and the key; the value is in no message.
  virtual Result<std::string> read(const SecretKeyRef& ref) = 0;
};

}  // namespace ripcord
