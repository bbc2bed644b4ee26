// SPDX-License-Identifier: Apache-2.0
// Watchers that do not read are dropped, not buffered for without end.
#include "tests/integration/kubectl/servers.h"
#include "tests/support/sample_objects.h"
#include "tests/support/status_matchers.h"
#include "tests/unit/http/raw_peer.h"

#include <fstream>
#include <unistd.h>

namespace ripcord {
namespace {

// Of this process, in MiB.
std::size_t resident() {
  std::ifstream file("/proc/self/statm");
  std::size_t total = 0;
  std::size_t pages = 0;
  file >> total >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / (1024 * 1024);
}

TEST(SlowWatcher, IsDroppedAndCostsNoMemoryWhileWritersGoOn) {
  http::ServerLimits limits;
  limits.write_timeout = std::chrono::seconds(1);
  limits.streams = 8;
  Standalone ripcord(limits);
  Resource object = sample_flag("busy");
  object.meta.annotations["filler"] = std::string(200'000, 'x');
  object = *ripcord.store().create(object).value();
  const std::string watch = "GET /apis/ripcord.dev/v1alpha1/featureflags?watch=1&resourceVersion=" +
                            std::to_string(object.meta.resource_version) +
                            " HTTP/1.1\r\nHost: h\r\n\r\n";
  std::vector<std::unique_ptr<RawPeer>> slow;
  for (std::size_t i = 0; i < limits.streams; ++i) {
    slow.push_back(std::make_unique<RawPeer>(ripcord.port()));
    slow.back()->send(watch);
    ASSERT_NE(slow.back()->read_until("\r\n\r\n").find("200 OK"), std::string::npos);
  }
  // Buffered for each watcher, this would be 640 MB. What remains is the history of the store, 80
  // MB that all watches share.
  const std::size_t before = resident();
  for (int i = 0; i < 400; ++i) {
    object.meta.labels["n"] = std::to_string(i);
    object = *ripcord.store().update(object).value();
  }
  EXPECT_LT(resident() - before, 400U);
  // All places are free again, for one who reads.
  EXPECT_TRUE(eventually([&] {
    RawPeer reader(ripcord.port());
    reader.send("GET /apis/ripcord.dev/v1alpha1/featureflags?watch=1 HTTP/1.1\r\nHost: h\r\n\r\n");
    return reader.read_until("\"ADDED\"").find("\"ADDED\"") != std::string::npos;
  }));
  for (const auto& peer : slow) {
    peer->read_to_end();
    EXPECT_TRUE(peer->closed()) << "and not told as if it were the proper end";
    EXPECT_FALSE(peer->read_to_end().ends_with("0\r\n\r\n"));
  }
}

}  // namespace
}  // namespace ripcord
