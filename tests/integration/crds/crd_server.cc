// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/crds/crd_server.h"

#include "controller/codec/json_reader.h"
#include "tests/support/paths/paths.h"

#include <regex>
#include <stdexcept>

namespace ripcord {
namespace {

using codec::Node;

constexpr const char* kRoot = "/apis/ripcord.dev/v1alpha1/namespaces/default/";

std::string text_at(const Node& node, std::string_view key) {
  const Node* found = node.find(key);
  return found == nullptr ? "" : found->text;
}

}  // namespace

std::vector<std::string> ApiReply::fields() const {
  std::vector<std::string> named;
  const Node* details = body.find("details");
  const Node* causes = details == nullptr ? nullptr : details->find("causes");
  for (std::size_t i = 0; causes != nullptr && i < causes->items.size(); ++i) {
    named.push_back(text_at(causes->items[i], "field"));
  }
  const std::string message = text_at(body, "message");
  const std::regex named_in_words(
      "(unknown field \"|denied request: |Go struct field ObjectMeta\\.)([^\": ]*)");
  for (std::sregex_iterator at(message.begin(), message.end(), named_in_words), end; at != end;
       ++at) {
    const bool metadata = std::string((*at)[1]).starts_with("Go");
    named.push_back((metadata ? "metadata." : "") + std::string((*at)[2]));
  }
  return named;
}

CrdServer::CrdServer() : plane_(shared_control_plane()) {
  const RunResult result =
      plane_.kubectl({"apply", "-f", source_dir() + "/crds", "--validate=strict"});
  applied_ = result.out + result.err;
  if (result.exit_code != 0) {
    throw std::runtime_error("crds/ could not be applied: " + applied_);
  }
  plane_.must_kubectl({"wait", "--for=condition=Established", "crd", "-l",
                       "app.kubernetes.io/part-of=ripcord", "--timeout=60s"});
  for (const Kind kind : kAllKinds) {
    const bool served =
        eventually([&] { return get(kRoot + std::string(plural(kind))).code == 200; });
    if (!served) {
      throw std::runtime_error(std::string(plural(kind)) + " is not served");
    }
  }
  // A policy is in force some time after it was written.
  const std::string no_such_variant =
      R"({"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag","metadata":{"name":"a"},)"
      R"("spec":{"offVariant":"none"}})";
  const bool in_force = eventually(
      [&] { return post(Kind::kFeatureFlag, no_such_variant, "&dryRun=All").code == 422; });
  if (!in_force) {
    throw std::runtime_error("the admission policy of FeatureFlags does not come into force");
  }
}

ApiReply CrdServer::ask(std::vector<std::string> arguments, const std::string& path,
                        const std::string& body) const {
  std::vector<std::string> argv = {"curl",     "-sS",
                                   "--cacert", plane_.ca_file(),
                                   "-H",       "Authorization: Bearer " + plane_.token(),
                                   "-w",       "\n%{http_code}"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  argv.push_back(plane_.url() + path);
  ProcessOptions options;
  options.argv = std::move(argv);
  const RunResult result = run(std::move(options), body);
  const std::size_t line = result.out.rfind('\n');
  if (result.exit_code != 0 || line == std::string::npos) {
    throw std::runtime_error("curl " + path + ": " + result.err);
  }
  ApiReply reply;
  reply.code = std::stoi(result.out.substr(line + 1));
  reply.text = result.out.substr(0, line);
  codec::JsonValue value = codec::read_json(reply.text, {1, 1}, {});
  if (value.root) {
    reply.body = std::move(*value.root);
  }
  return reply;
}

ApiReply CrdServer::post(Kind kind, const std::string& json, const std::string& query) const {
  return ask({"-X", "POST", "-H", "Content-Type: application/json", "--data-binary", "@-"},
             kRoot + std::string(plural(kind)) + "?fieldValidation=Strict" + query, json);
}

ApiReply CrdServer::merge_patch(Kind kind, const std::string& path, const std::string& json) const {
  return ask(
      {"-X", "PATCH", "-H", "Content-Type: application/merge-patch+json", "--data-binary", "@-"},
      kRoot + std::string(plural(kind)) + "/" + path + "?fieldValidation=Strict", json);
}

ApiReply CrdServer::get(const std::string& absolute_path) const {
  return ask({}, absolute_path, "");
}

CrdServer& crd_server() {
  static CrdServer server;
  return server;
}

}  // namespace ripcord
