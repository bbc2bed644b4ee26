// SPDX-License-Identifier: Apache-2.0
// Unmodified kubectl against the resource API of standalone Ripcord and against a real API server:
// script.txt says what it is asked and what it answers, the same for both.
#include "controller/codec/cluster_event.h"
#include "tests/integration/kubectl/servers.h"
#include "tests/support/paths/paths.h"

#include <fstream>
#include <functional>
#include <regex>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace ripcord {
namespace {

const std::string kFolder = source_dir() + "/tests/integration/kubectl";

struct Step {
  std::string command;  // starts with "event ": one about the flag of that name is recorded
  std::vector<std::string> expected;
  int exit_code = 0;
};

std::vector<Step> read_script() {
  std::ifstream file(kFolder + "/script.txt");
  std::vector<Step> steps;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("$ ") || line.starts_with("! ")) {
      steps.push_back({line.substr(2), {}, 0});
    } else if (!steps.empty() && line.starts_with("?")) {
      steps.back().exit_code = std::stoi(line.substr(1));
    } else if (!steps.empty() && !line.empty() && !line.starts_with("# ")) {
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
      {std::regex("Resource Version: +[0-9]+"), "Resource Version: VERSION"},
      {std::regex("(^| )[0-9]+(s|m[0-9]+s|m|y[0-9]+d)( |$)"), "$1AGE$3"},
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

using Record = std::function<void(const std::string& flag)>;

void run_script(const Shell& shell, const Record& record) {
  const std::vector<Step> steps = read_script();
  ASSERT_GT(steps.size(), 40U);
  for (const Step& step : steps) {
    if (step.command.starts_with("event ")) {
      record(step.command.substr(6));
      continue;
    }
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

std::string uid_of(const Shell& shell, const std::string& flag) {
  return shell("kubectl get rff " + flag + " -o jsonpath={.metadata.uid}").out;
}

TEST(Kubectl, GetsTheAnswersOfTheScriptFromStandaloneRipcord) {
  REQUIRE_CONTROL_PLANE();  // for its kubectl
  Standalone ripcord;
  const Shell shell(shared_control_plane().kubectl_path(), "--server " + ripcord.url());
  run_script(shell, [&](const std::string& flag) {
    ripcord.events().record({{Kind::kFeatureFlag, "scripted", flag},
                             uid_of(shell, flag),
                             Event::Type::kWarning,
                             "Probed",
                             "Probe",
                             "why"});
  });
}

TEST(Kubectl, GetsTheSameAnswersFromARealApiServer) {
  REQUIRE_CONTROL_PLANE();
  const ControlPlane& plane = shared_control_plane();
  prepare(plane);
  const Shell shell(plane.kubectl_path(), "--kubeconfig " + plane.kubeconfig());
  run_script(shell, [&](const std::string& flag) {
    // As the controller writes it.
    codec::ClusterEvent event;
    event.name = flag + ".1";
    event.regarding = {Kind::kFeatureFlag, "scripted", flag};
    event.regarding_uid = uid_of(shell, flag);
    event.warning = true;
    event.reason = "Probed";
    event.action = "Probe";
    event.note = "why";
    event.time = SystemClock().wall_now();
    event.reporting_controller = "ripcord.dev/controller";
    event.reporting_instance = "ripcord-0";
    plane.must_kubectl({"create", "-f", "-"}, codec::encode_event(event));
  });
}

// A Python that has the official client: the one on the path, else Debian's (python3-kubernetes).
// Empty when there is none.
std::string python_with_client() {
  for (const std::string python : {"python3", "/usr/bin/python3"}) {
    if (run({.argv = {python, "-c", "import kubernetes"}}).exit_code == 0) {
      return python;
    }
  }
  return "";
}

// What client.py prints is client.txt, from both servers.
void run_client(const std::string& kubeconfig) {
  const std::string python = python_with_client();
  if (python.empty() && !control_plane_is_required()) {
    GTEST_SKIP() << "Skipped, because Python has no package 'kubernetes': install the Debian "
                    "package python3-kubernetes";
  }
  const RunResult result =
      run({.argv = {python, kFolder + "/client.py"}, .env = {{"KUBECONFIG", kubeconfig}}});
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
