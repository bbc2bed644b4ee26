// SPDX-License-Identifier: Apache-2.0
#pragma once
// Tells when something changed in the directories of a WatchPlan. May say that everything could
// have changed (lost events, directories, links); the caller then looks at all of it. For one
// thread, but wake().

#include "adapters/yamldir/tree.h"
#include "controller/base/clock.h"

#include <map>
#include <memory>
#include <set>
#include <string>

namespace ripcord::yamldir {

struct Changes {
  bool everything = false;
  std::set<std::string> files;  // real paths of manifests that were written
  std::set<std::string> gone;   // real paths of what is no directory and was moved away or removed
  bool empty() const { return !everything && files.empty() && gone.empty(); }
};

class InotifyWatch {
 public:
  // ResourceExhausted when the kernel's limits are reached; the message names the limit.
  static Result<std::unique_ptr<InotifyWatch>> open();
  ~InotifyWatch();
  InotifyWatch(const InotifyWatch&) = delete;
  InotifyWatch& operator=(const InotifyWatch&) = delete;

  // Watches exactly these from now on; the number that was not watched before, or why some cannot
  // be. A directory that is gone is left out.
  Result<int> follow(const WatchPlan& plan);
  // Waits up to `timeout` for an event, then adds what there is to `changes`. False when none came.
  bool wait(Duration timeout, Changes& changes);
  // Ends a wait, from any thread, also one that begins later.
  void wake();

 private:
  InotifyWatch(int fd, int wake_fd) : fd_(fd), wake_fd_(wake_fd) {}
  void drain(Changes& changes);
  void take(int watch, unsigned mask, const std::string& name, Changes& changes);

  const int fd_;
  const int wake_fd_;
  WatchPlan plan_;
  std::map<std::string, int> watches_;
  std::map<int, std::string> directories_;
};

}  // namespace ripcord::yamldir
