// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/kubeconfig.h"

#include "controller/codec/base64.h"
#include "controller/codec/codec.h"
#include "controller/codec/documents.h"

#include <algorithm>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

// One mapping of the file. Fields that are absent or null leave the value alone.
class Fields {
 public:
  Fields(const Node& node, std::string path, Problems& problems)
      : node_(node), path_(std::move(path)), problems_(problems) {
    if (!node.is_map() && !node.is_null()) {
      fail(node.mark, path_, "must be a mapping");
    }
  }

  std::string at(std::string_view name) const {
    return path_.empty() ? std::string(name) : fmt::format("{}.{}", path_, name);
  }
  const Node* find(std::string_view name) const {
    const Node* const found = node_.find(name);
    return found == nullptr || found->is_null() ? nullptr : found;
  }
  void text(std::string_view name, std::string& value) const {
    if (const Node* const found = find(name)) {
      as_text(*found, at(name), value);
    }
  }
  void boolean(std::string_view name, bool& value) const {
    const Node* const found = find(name);
    if (found != nullptr && found->type != Node::Type::kBool) {
      fail(found->mark, at(name), "must be true or false");
    } else if (found != nullptr) {
      value = found->boolean;
    }
  }
  void base64(std::string_view name, std::string& value) const {
    std::string written;
    text(name, written);
    const Result<std::string> bytes = decode_base64(written);
    if (!bytes) {
      fail(find(name)->mark, at(name), bytes.error().message());
      return;
    }
    if (!bytes->empty()) {
      value = *bytes;
    }
  }
  template <class F>
  void each(std::string_view name, F&& read) const {
    const Node* const found = find(name);
    if (found == nullptr) {
      return;
    }
    if (found->type != Node::Type::kList) {
      fail(found->mark, at(name), "must be a list");
      return;
    }
    for (std::size_t i = 0; i < found->items.size(); ++i) {
      read(found->items[i], fmt::format("{}[{}]", at(name), i));
    }
  }
  void as_text(const Node& node, const std::string& field, std::string& value) const {
    if (node.type != Node::Type::kString) {
      fail(node.mark, field, "must be text; put it in quotes");
    } else {
      value = node.text;
    }
  }
  void fail(Mark mark, std::string field, std::string message) const {
    problems_.push_back({mark, std::move(field), std::move(message)});
  }

 private:
  const Node& node_;
  const std::string path_;
  Problems& problems_;
};

std::string located(const std::string& file, const Problem& problem) {
  return to_string(
      ManifestError{file, problem.mark.line, problem.mark.column, problem.field, problem.message});
}

class Decoder {
 public:
  explicit Decoder(const std::string& file) : file_(file) {}

  Result<Kubeconfig> decode(const Node& root) {
    Kubeconfig config;
    const Fields fields(root, "", problems_);
    std::string kind = "Config";
    fields.text("kind", kind);
    if (kind != "Config") {
      fields.fail(fields.find("kind")->mark, "kind", "is not Config: this is no kubeconfig file");
    }
    fields.text("current-context", config.current_context);
    named(fields, "clusters", "cluster", config.clusters);
    named(fields, "users", "user", config.users);
    named(fields, "contexts", "context", config.contexts);
    if (!problems_.empty()) {
      return refused(problems_.front());
    }
    return config;
  }

  tl::unexpected<Status> refused(const Problem& problem) const {
    return error(StatusCode::kInvalidArgument, located(file_, problem), "InvalidKubeconfig");
  }

 private:
  // A list of {name: ..., <word>: {...}}.
  template <class T>
  void named(const Fields& fields, std::string_view list, std::string_view word,
             std::map<std::string, T>& out) {
    fields.each(list, [&](const Node& item, const std::string& path) {
      const Fields entry(item, path, problems_);
      std::string name;
      entry.text("name", name);
      T value;
      if (const Node* const found = entry.find(word)) {
        read(Fields(*found, entry.at(word), problems_), value);
      }
      if (!out.emplace(name, std::move(value)).second) {
        entry.fail(item.mark, entry.at("name"), "is used twice; names are unique in a file");
      }
    });
  }

  static void read(const Fields& fields, KubeContext& context) {
    fields.text("cluster", context.cluster);
    fields.text("user", context.user);
    fields.text("namespace", context.ns);
  }

  void read(const Fields& fields, KubeCluster& cluster) {
    fields.text("server", cluster.server);
    fields.text("certificate-authority", cluster.ca_file);
    fields.base64("certificate-authority-data", cluster.ca_pem);
    fields.text("tls-server-name", cluster.tls_server_name);
    fields.boolean("insecure-skip-tls-verify", cluster.insecure_skip_tls_verify);
    if (const Node* const proxy = fields.find("proxy-url")) {
      if (proxy->type != Node::Type::kString || !proxy->text.empty()) {
        cluster.unsupported =
            located(file_, {proxy->mark, fields.at("proxy-url"),
                            "proxies are not supported; remove it and reach the server directly"});
      }
    }
  }

  void read(const Fields& fields, KubeUser& user) {
    fields.text("token", user.token);
    fields.text("tokenFile", user.token_file);
    fields.text("client-certificate", user.certificate_file);
    fields.base64("client-certificate-data", user.certificate_pem);
    fields.text("client-key", user.key_file);
    fields.base64("client-key-data", user.key_pem);
    if (const Node* const exec = fields.find("exec")) {
      read(Fields(*exec, fields.at("exec"), problems_), user.exec.emplace(), user.unsupported);
    }
    if (const Node* const provider = fields.find("auth-provider")) {
      user.unsupported = located(file_, {provider->mark, fields.at("auth-provider"),
                                         "auth providers are gone from Kubernetes; use exec"});
    }
    for (const std::string_view name : {"username", "password"}) {
      if (const Node* const basic = fields.find(name)) {
        user.unsupported =
            located(file_, {basic->mark, fields.at(name),
                            "no API server takes passwords any more; use a token, a client "
                            "certificate or exec"});
      }
    }
    if (const Node* const as = fields.find("as")) {
      user.unsupported = located(file_, {as->mark, fields.at("as"),
                                         "impersonation is not supported; use the account's own "
                                         "credentials"});
    }
  }

  void read(const Fields& fields, KubeExec& exec, std::string& unsupported) {
    fields.text("apiVersion", exec.api_version);
    fields.text("command", exec.command);
    fields.text("installHint", exec.install_hint);
    fields.boolean("provideClusterInfo", exec.provide_cluster_info);
    fields.each("args", [&](const Node& item, const std::string& path) {
      fields.as_text(item, path, exec.args.emplace_back());
    });
    fields.each("env", [&](const Node& item, const std::string& path) {
      const Fields entry(item, path, problems_);
      auto& [name, value] = exec.env.emplace_back();
      entry.text("name", name);
      entry.text("value", value);
      if (name.empty() || name.find_first_of(std::string("=\0", 2)) != std::string::npos) {
        entry.fail(item.mark, entry.at("name"), "is no name of an environment variable");
      }
    });
    const auto refuse = [&](std::string_view name, std::string why) {
      const Node* const found = fields.find(name);
      unsupported = located(file_, {found ? found->mark : Mark{}, fields.at(name), std::move(why)});
    };
    std::string mode;
    fields.text("interactiveMode", mode);
    if (mode == "Always") {
      refuse("interactiveMode", "nobody is there to answer a plugin that asks; use Never");
    }
    if (exec.api_version != "client.authentication.k8s.io/v1" &&
        exec.api_version != "client.authentication.k8s.io/v1beta1") {
      refuse("apiVersion", "must be client.authentication.k8s.io/v1 (or v1beta1)");
    }
    if (exec.command.empty()) {
      refuse("command", "is missing");
    }
  }

  const std::string& file_;
  Problems problems_;
};

}  // namespace

Result<Kubeconfig> decode_kubeconfig(std::string_view text, const std::string& file) {
  Decoder decoder(file);
  const Documents documents = read_documents(text, false);
  if (!documents.problems.empty()) {
    return decoder.refused(documents.problems.front());
  }
  if (documents.roots.empty()) {
    return Kubeconfig{};
  }
  if (documents.roots.size() > 1) {
    return decoder.refused(
        {documents.roots[1].mark, "", "a second document; a kubeconfig file is one"});
  }
  return decoder.decode(documents.roots.front());
}

}  // namespace ripcord::codec
