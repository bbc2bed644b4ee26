// SPDX-License-Identifier: Apache-2.0
#pragma once
// A running Ripcord with one object of each kind on real systems (OFREP, HAProxy, SQLite), in which
// the same incident can be played and taken back again and again. Throws std::runtime_error when an
// object does not get where it should.

#include "tests/integration/app/running_ripcord.h"
#include "tests/support/traffic/haproxy_instance.h"

#include <string>

namespace ripcord {

class Incident {
 public:
  Incident();

  // Rolls everything back by override and restores a backup.
  void take_back();
  // Lifts the overrides: the release is live again.
  void release();

  const RunningRipcord& ripcord() const { return ripcord_; }

 private:
  void patch(const std::string& object, const std::string& override) const;
  void restore();

  RunningRipcord ripcord_;
  WebBackend blue_{ripcord_.directory(), "blue"};
  WebBackend green_{ripcord_.directory(), "green"};
  HaproxyInstance haproxy_;
  int restores_ = 0;
};

}  // namespace ripcord
