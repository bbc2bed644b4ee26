// SPDX-License-Identifier: Apache-2.0
#pragma once
// The controller over the real systems that directories of manifests name, in one process: desired
// state is in memory, nothing listens beyond loopback. What ripcord-adapter --manifests drives.

#include "adapters/memory/object_store.h"
#include "adapters/stdio/message_adapter.h"
#include "controller/app/controller.h"

#include <memory>
#include <string>
#include <vector>

namespace ripcord::app {

class ManifestController {
 public:
  // The clock must outlive it.
  ManifestController(const std::vector<std::string>& directories, Clock& clock, Logger log);
  ~ManifestController();

  // Reads the manifests and starts the loops.
  Status start();
  bool stop(Duration bound);
  ObjectStore& store();
  // Nothing is made up for the real world: what is not declared is not known.
  stdio::MessageSettings message_settings();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace ripcord::app
