// SPDX-License-Identifier: Apache-2.0
#pragma once
// The namespaces that there are: "default" and those that hold an object. They come and go with the
// objects, so they are looked for whenever somebody asks. Thread-safe; what it is given must
// outlive it.

#include "adapters/apiserver/feed.h"
#include "controller/codec/api_events.h"

#include <array>
#include <string>

namespace ripcord::apiserver {

class Namespaces {
 public:
  Namespaces(const ObjectReader& store, const Clock& clock);

  // Takes note of those that came and went since the last look; cheap when nothing was written.
  void look();
  const Feed<codec::ApiNamespace>& feed() const { return feed_; }
  // One of them; one that is not there as it would be, since any may be used without being made.
  codec::ApiNamespace named(const std::string& name) const;

 private:
  using Versions = std::array<std::int64_t, kAllKinds.size()>;
  Versions versions() const;

  const ObjectReader& store_;
  const Clock& clock_;
  const WallTime started_;
  Mutex mutex_;
  Versions seen_ GUARDED_BY(mutex_){};
  Feed<codec::ApiNamespace> feed_;
};

}  // namespace ripcord::apiserver
