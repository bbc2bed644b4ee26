// SPDX-License-Identifier: Apache-2.0
#pragma once
// Lets requests through that carry a bearer token of a file; all others get 401 and a Status. The
// file has a token a line (16 to 4096 visible ASCII characters, empty lines and lines with # in
// front left out) and is read again when it changes; one that cannot be used leaves the tokens as
// they are and is logged. Only digests are kept, compared in a time that does not depend on them;
// no token is logged or part of a message. Thread-safe.

#include "controller/base/changing_file.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/ports/http_service.h"

#include <memory>
#include <string>
#include <vector>

namespace ripcord::apiserver {

class TokenGate final : public HttpService {
 public:
  // What it is given must outlive it. Fails naming the file and the line that is wrong.
  static Result<std::unique_ptr<TokenGate>> open(std::string token_file, HttpService& behind,
                                                 const Clock& clock, Logger log = {});

  ServedResponse serve(const ServedRequest& request) override;

 private:
  TokenGate(std::string token_file, HttpService& behind, const Clock& clock, Logger log)
      : behind_(behind), clock_(clock), log_(std::move(log)), file_(std::move(token_file)) {}
  Status reload() REQUIRES(mutex_);
  bool admits(const ServedRequest& request);

  HttpService& behind_;
  const Clock& clock_;
  const Logger log_;
  Mutex mutex_;
  ChangingFile file_ GUARDED_BY(mutex_);
  std::vector<std::string> digests_ GUARDED_BY(mutex_);
  std::string problem_ GUARDED_BY(mutex_);  // that was logged last
};

}  // namespace ripcord::apiserver
