// SPDX-License-Identifier: Apache-2.0
#pragma once
// FlagFileStore over ConfigMaps: flagd's files, written by server-side apply as field manager
// "ripcord-flags", which owns those keys and no other. The server's own record of what that manager
// applied is all that is remembered. Written under the version that was read; where leaders are
// elected, with the mark of this one (codec/leader_mark.h), so that no file of an earlier leader
// can follow. Thread-safe.

#include "adapters/kubernetes/api_objects.h"
#include "controller/base/trace.h"
#include "controller/ports/flag_files.h"

namespace ripcord::kubernetes {

inline constexpr std::string_view kFlagManager = "ripcord-flags";

class ConfigMapSink final : public FlagFileStore {
 public:
  // The reach's client outlives it.
  explicit ConfigMapSink(ClusterReach reach, Trace trace = {})
      : objects_(std::move(reach)), trace_(std::move(trace)) {}

  // Errors of ApiObjects, and Unavailable (NotVerified) when somebody else writes the same key; a
  // Conflict when others wrote again and again.
  Result<bool> write(const FlagFilesPlace& place,
                     const std::map<std::string, FlagFile>& files) override;

 private:
  Result<bool> attempt(const ApiName& name, const std::map<std::string, FlagFile>& files);

  ApiObjects objects_;
  Trace trace_;
};

}  // namespace ripcord::kubernetes
