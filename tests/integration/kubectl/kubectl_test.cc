// SPDX-License-Identifier: Apache-2.0
// Unmodified kubectl against the resource API of standalone Ripcord and against a real API server:
// script.txt says what it is asked and what it answers, the same for both.
#include "adapters/apiserver/embedded_catalog.h"
#include "adapters/apiserver/resource_service.h"
#include "adapters/http/server.h"
#include "adapters/memory/object_store.h"
#include "tests/support/control_plane.h"
#include "tests/support/paths/paths.h"

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

const std::string kFolder = source_dir() + "/tests/integration/kubectl";

struct Step {
  std::string command;
  std::vector<std::string> expected;
  int exit_code = 0;
};

std::vector<Step> read_script() {
  std::ifstream file(kFolder + "/script.txt");
  std::vector<Step> steps;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("$ ")) {
      steps.push_back({line.substr(2), {}, 0});
    } else if (!steps.empty() && line.starts_with("?")) {
      steps.back().exit_code = std::stoi(line.substr(1));
    } else if (!steps.empty() && !line.empty()) {
      steps.back().expected.push_back(line);
    }
  }
  return steps;
}

// What differs from run to run, and how columns are padded.
std::vector<std::string> normalized(const std::string& output) {
  static const std::vector<std::pair<std::regex, std::string>> kRules = {
      {std::regex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}"), "UID"},
      {std::regex("\"?[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z\"?"), "TIME"},
      {std::regex("resourceVersion: \"[0-9]+\""), "resourceVersion: VERSION"},
      {std::regex(" [0-9]+(s|m[0-9]+s|m)( |$)"), " AGE$2"},
      {std::regex("[ \t]+"), " "},
      {std::regex("^ | $"), ""}};
  std::vector<std::string> lines;
  std::istringstream stream(output);
  for (std::string line; std::getline(stream, line);) {
    for (const auto& [pattern, with] : kRules) {
      line = std::regex_replace(line, pattern, with);
    }
    if (!line.empty()) {
      lines.push_back(line);
    }
  }
  return lines;
}

// Runs the commands of the script with one kubectl, in a folder that holds the manifests.
class Shell {
 public:
  Shell(const std::string& kubectl, const std::string& arguments) {
    for (const char* manifest : {"flag.yaml", "applied.yaml"}) {
      std::filesystem::copy(kFolder + "/" + manifest, directory_ / manifest);
    }
    std::ofstream(directory_ / "kubectl")
        << "#!/bin/sh\nexec " << kubectl << " " << arguments << " --namespace scripted \"$@\"\n";
    std::filesystem::permissions(directory_ / "kubectl", std::filesystem::perms::owner_all);
  }
  RunResult operator()(const std::string& command) const {
    const std::string here = directory_.path().string();
    const char* path = std::getenv("PATH");
    return run({.argv = {"/bin/sh", "-c", "exec 2>&1; " + command},
                .env = {{"PATH", here + ":" + (path ? path : "/usr/bin:/bin")},
                        {"HOME", here},
                        {"KUBECONFIG", here + "/none"}},
                .cwd = here});
  }

 private:
  TempDir directory_;
};

void run_script(const Shell& shell) {
  const std::vector<Step> steps = read_script();
  ASSERT_GT(steps.size(), 40U);
  for (const Step& step : steps) {
    const RunResult result = shell(step.command);
    std::vector<std::string> lines = normalized(result.out);
    // Of a long refusal the first line says it all.
    if (result.exit_code != 0 && lines.size() > step.expected.size()) {
      lines.resize(step.expected.size());
    }
    EXPECT_EQ(lines, step.expected) << "$ " << step.command << "\n" << result.out;
    EXPECT_EQ(result.exit_code, step.exit_code) << "$ " << step.command << "\n" << result.out;
  }
}

class Standalone {
 public:
  Standalone() : port_(server_.listen("127.0.0.1:0", service_).value()) {}
  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }

 private:
  SystemClock clock_;
  MemoryObjectStore store_{clock_};
  apiserver::ResourceService service_{store_, clock_, apiserver::embedded_catalog().value(),
                                      "v1.36.0"};
  http::HttpServer server_;
  const std::uint16_t port_;
};

// Our kinds and the namespace of the scripts.
void prepare(const ControlPlane& plane) {
  for (const auto& file : std::filesystem::directory_iterator(source_dir() + "/crds")) {
    if (file.path().filename().string().starts_with("ripcord.dev_")) {
      plane.must_kubectl({"apply", "--server-side", "-f", file.path().string()});
    }
  }
  plane.must_kubectl({"wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"});
  plane.kubectl({"create", "namespace", "scripted"});  // or it is there already
  // The server publishes what it learnt of the CRDs a little later.
  ASSERT_TRUE(eventually(
      [&] {
        return plane.kubectl({"explain", "featureflag.spec.override"}).exit_code == 0;
      },
      std::chrono::seconds(30)));
}

TEST(Kubectl, GetsTheAnswersOfTheScriptFromStandaloneRipcord) {
  REQUIRE_CONTROL_PLANE();  // for its kubectl
  Standalone ripcord;
  run_script(Shell(shared_control_plane().kubectl_path(), "--server " + ripcord.url()));
}

TEST(Kubectl, GetsTheSameAnswersFromARealApiServer) {
  REQUIRE_CONTROL_PLANE();
  const ControlPlane& plane = shared_control_plane();
  prepare(plane);
  run_script(Shell(plane.kubectl_path(), "--kubeconfig " + plane.kubeconfig()));
}

// The official Python client, where it is installed (pip install kubernetes): what client.py
// prints is client.txt, from both servers.
void run_client(const std::string& kubeconfig) {
  if (run({.argv = {"python3", "-c", "import kubernetes"}}).exit_code != 0) {
    GTEST_SKIP() << "Skipped, because Python has no package 'kubernetes': pip install kubernetes";
  }
  const RunResult result =
      run({.argv = {"python3", kFolder + "/client.py"}, .env = {{"KUBECONFIG", kubeconfig}}});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::ifstream file(kFolder + "/client.txt");
  EXPECT_EQ(result.out, std::string(std::istreambuf_iterator<char>(file), {})) << result.err;
}

TEST(PythonClient, GetsTheAnswersOfTheScriptFromStandaloneRipcord) {
  Standalone ripcord;
  TempDir directory;
  write_file(directory / "config", fmt::format(R"({{"apiVersion": "v1", "kind": "Config",
    "clusters": [{{"name": "c", "cluster": {{"server": "{}"}}}}], "users": [],
    "contexts": [{{"name": "c", "context": {{"cluster": "c"}}}}], "current-context": "c"}})",
                                               ripcord.url()));
  run_client(directory / "config");
}

TEST(PythonClient, GetsTheSameAnswersFromARealApiServer) {
  REQUIRE_CONTROL_PLANE();
  prepare(shared_control_plane());
  run_client(shared_control_plane().kubeconfig());
}

}  // namespace
}  // namespace ripcord
