// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/kubectl/servers.h"

#include "tests/support/paths/paths.h"

#include <filesystem>
#include <fstream>
#include <stdexcept>

#include <fmt/format.h>

namespace ripcord {

std::string Standalone::url() const {
  return fmt::format("http://127.0.0.1:{}", port_);
}

void prepare(const ControlPlane& plane) {
  for (const auto& file : std::filesystem::directory_iterator(source_dir() + "/crds")) {
    if (file.path().filename().string().starts_with("ripcord.dev_")) {
      plane.must_kubectl({"apply", "--server-side", "-f", file.path().string()});
    }
  }
  plane.must_kubectl({"wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"});
  plane.kubectl({"create", "namespace", "scripted"});  // or it is there already
  // The server publishes what it learnt of the CRDs a little later.
  const bool published = eventually(
      [&] {
        return plane.kubectl({"explain", "featureflag.spec.override"}).exit_code == 0;
      },
      std::chrono::seconds(30));
  if (!published) {
    throw std::runtime_error("the API server does not publish our kinds");
  }
}

Shell::Shell(const std::string& kubectl, const std::string& arguments) {
  for (const char* manifest : {"flag.yaml", "applied.yaml", "kinds.yaml"}) {
    std::filesystem::copy(source_dir() + "/tests/integration/kubectl/" + manifest,
                          directory_ / manifest);
  }
  std::ofstream(directory_ / "kubectl")
      << "#!/bin/sh\nexec " << kubectl << " " << arguments << " --namespace scripted \"$@\"\n";
  std::filesystem::permissions(directory_ / "kubectl", std::filesystem::perms::owner_all);
}

ProcessOptions Shell::options(const std::string& command) const {
  const std::string here = directory_.path().string();
  const char* path = std::getenv("PATH");
  return {.argv = {"/bin/sh", "-c", "exec 2>&1; " + command},
          .env = {{"PATH", here + ":" + (path ? path : "/usr/bin:/bin")},
                  {"HOME", here},
                  {"KUBECONFIG", here + "/none"}},
          .cwd = here};
}

RunResult Shell::operator()(const std::string& command) const {
  return run(options(command));
}

std::unique_ptr<ChildProcess> Shell::start(const std::string& command) const {
  return std::make_unique<ChildProcess>(options("exec " + command));
}

}  // namespace ripcord
