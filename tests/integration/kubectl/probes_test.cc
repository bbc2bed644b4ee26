// SPDX-License-Identifier: Apache-2.0
// What clients of Kubernetes rely on beyond its documentation, asked of both servers in the same
// words: what is silent, what ends, what conflicts, what counts as a change. A probe tells lines.
// Both servers have to tell the same, unless the data says why ours does not, or why there is
// nothing to ask of it.
#include "adapters/http/client.h"
#include "tests/integration/kubectl/servers.h"
#include "tests/support/paths/paths.h"
#include "tests/support/status_matchers.h"

#include <future>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace ripcord {
namespace {

using nlohmann::json;
using Lines = std::vector<std::string>;

const std::string kApi = "/apis/ripcord.dev/v1alpha1";
const std::string kFlags = kApi + "/namespaces/scripted/featureflags";
const std::string kMerge = "application/merge-patch+json";
const std::string kApply = "application/apply-patch+yaml";

struct Reply {
  int code = 0;
  std::string type;
  std::string text;
  json body;

  std::string version() const { return body.at("metadata").at("resourceVersion"); }
  // "409 Conflict", or the code alone where there is no Status.
  std::string outcome() const {
    return body.is_object() && body.value("kind", "") == "Status" && code >= 300
               ? fmt::format("{} {}", code, body.value("reason", ""))
               : std::to_string(code);
  }
};

// One of the two servers.
class Server {
 public:
  Server(std::string url, TlsOptions tls, std::string token)
      : url_(std::move(url)), token_(std::move(token)), client_(http::make_http_client({}, tls)) {}

  Reply ask(const std::string& method, const std::string& path, const std::string& body = {},
            const std::string& type = "application/json") const {
    HttpRequest request;
    request.method = method;
    request.url = url_ + path;
    request.body = body;
    request.headers["Content-Type"] = type;
    request.timeout = std::chrono::minutes(2);
    request.new_connection = true;
    if (!token_.empty()) {
      request.headers["Authorization"] = "Bearer " + token_;
    }
    const Result<HttpResponse> response = client_->send(request);
    if (!response) {
      return {0, "", to_string(response.error()), {}};
    }
    const auto content = response->headers.find("content-type");
    return {response->status, content == response->headers.end() ? "" : content->second,
            response->body, json::parse(response->body, nullptr, false)};
  }
  Reply get(const std::string& path) const { return ask("GET", path); }
  Reply patch(const std::string& name, const std::string& body,
              const std::string& type = kMerge) const {
    return ask("PATCH", kFlags + "/" + name, body, type);
  }
  Reply create(const std::string& name, const std::string& metadata = "") const {
    return ask("POST", kFlags, flag(name, metadata));
  }
  static std::string flag(const std::string& name, const std::string& metadata = "",
                          const std::string& spec = R"("enabled":true)") {
    return fmt::format(R"({{"apiVersion":"ripcord.dev/v1alpha1","kind":"FeatureFlag",
      "metadata":{{"name":"{}"{}}},"spec":{{{}}}}})",
                       name, metadata, spec);
  }
  // The version of all flags, as a list tells it.
  std::string version() const { return get(kFlags).version(); }
  // What a watch of `seconds` tells but bookmarks, "ADDED a", and how its body ended.
  Lines watch(const std::string& query, int seconds, const std::string& path = kFlags) const {
    const Reply reply = get(fmt::format("{}?watch=1&timeoutSeconds={}{}", path, seconds, query));
    Lines lines;
    std::istringstream frames(reply.text);
    for (std::string text; reply.code == 200 && std::getline(frames, text);) {
      const json frame = json::parse(text);
      const json& object = frame["object"];
      if (frame["type"] == "ERROR") {
        lines.push_back(fmt::format("ERROR {} {}", object["code"].get<int>(),
                                    object["reason"].get<std::string>()));
      } else if (frame["type"] != "BOOKMARK") {
        lines.push_back(frame["type"].get<std::string>() + " " +
                        object["metadata"]["name"].get<std::string>());
      }
    }
    lines.push_back(reply.code == 200 ? "the end" : reply.outcome() + reply.text);
    return lines;
  }
  void clear() const {
    Reply all;
    // A definition is Established a little before its objects are served.
    ASSERT_TRUE(eventually([&] {
      all = get(kFlags);
      return all.code == 200;
    })) << all.text;
    for (const json& item : all.body["items"]) {
      const std::string name = item["metadata"]["name"];
      patch(name, R"({"metadata":{"finalizers":null}})");
      ask("DELETE", kFlags + "/" + name);
    }
  }

 private:
  std::string url_;
  std::string token_;
  std::unique_ptr<HttpClient> client_;
};

Lines joined(Lines a, const Lines& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// --- 1
Lines silence(const Server& server) {
  const std::string from = server.version();
  const Lines idle = server.watch("&resourceVersion=" + from, 2);
  server.create("late");
  return joined(idle, server.watch("&resourceVersion=" + from, 1));
}

// --- 2: the CRD gains a short name while it is watched
Lines edited_definition(const Server& server) {
  const ControlPlane& plane = shared_control_plane();
  const std::string from = server.version();
  auto watch =
      std::async(std::launch::async, [&] { return server.watch("&resourceVersion=" + from, 60); });
  std::this_thread::sleep_for(std::chrono::seconds(1));  // so that it has begun
  plane.must_kubectl({"patch", "crd", "featureflags.ripcord.dev", "--type=json", "-p",
                      R"([{"op":"add","path":"/spec/names/shortNames/-","value":"probed"}])"});
  Lines told = {watch.wait_for(std::chrono::seconds(30)) == std::future_status::ready
                    ? "ended before its time"
                    : "went on"};
  told = joined(told, watch.get());
  plane.must_kubectl({"patch", "crd", "featureflags.ripcord.dev", "--type=json", "-p",
                      R"([{"op":"remove","path":"/spec/names/shortNames/1"}])"});
  // A list makes it whole, whatever the old version is good for.
  server.create("after");
  eventually([&] { return server.get(kFlags).body["items"].size() == 1; });
  return joined(told, server.watch("&resourceVersion=" + server.version(), 1));
}

// --- 3
Lines absent(const Server& server) {
  Lines told;
  for (const std::string path : {"/apis/nobody.example.com/v1/things", "/nothing",
                                 "/apis/ripcord.dev/v1alpha1/namespaces/scripted/things"}) {
    const Reply reply = server.get(path);
    told.push_back(fmt::format("{} {} {}", reply.code, reply.type.substr(0, reply.type.find(';')),
                               reply.text));
  }
  return told;
}

// --- 4: a CRD of the probe's own is removed while its objects are watched
Lines removed_definition(const Server& server) {
  const ControlPlane& plane = shared_control_plane();
  std::string text = read_file(source_dir() + "/crds/ripcord.dev_featureflags.yaml");
  for (std::size_t at = 0; (at = text.find("ripcord.dev", at)) != std::string::npos;) {
    text.replace(at, 11, "probe.example.com");
  }
  plane.must_kubectl({"create", "-f", "-"}, text);
  plane.must_kubectl({"wait", "--for=condition=Established", "--timeout=30s", "crd",
                      "featureflags.probe.example.com"});
  const std::string path = "/apis/probe.example.com/v1alpha1/namespaces/scripted/featureflags";
  std::string object = Server::flag("kept");
  object.replace(object.find("ripcord.dev"), 11, "probe.example.com");
  eventually([&] { return server.ask("POST", path, object).code == 201; });
  const std::string from = server.get(path).version();
  auto watch = std::async(std::launch::async,
                          [&] { return server.watch("&resourceVersion=" + from, 60, path); });
  std::this_thread::sleep_for(std::chrono::seconds(1));
  plane.must_kubectl({"delete", "crd", "featureflags.probe.example.com"});
  Lines told = watch.get();
  eventually([&] { return server.get(path).code == 404; });
  return joined(told, {server.get(path).text});
}

// --- 5
Lines initial_state(const Server& server) {
  server.create("a");
  server.create("b");
  return server.watch("", 1);
}
Lines future(const Server& server) {
  return server.watch("&resourceVersion=" + std::to_string(std::stoll(server.version()) + 100000),
                      1);
}

// --- 6
Lines no_change(const Server& server) {
  const std::string apply = "a?fieldManager=prober";
  server.patch(apply, Server::flag("a"), kApply);
  server.patch("a/status", R"({"status":{"variant":"on"}})");
  const std::string before = server.get(kFlags + "/a").version();
  Lines told;
  for (const Reply& reply : {server.patch("a", R"({"spec":{"enabled":true}})"),
                             server.patch("a/status", R"({"status":{"variant":"on"}})"),
                             server.patch(apply, Server::flag("a"), kApply)}) {
    told.push_back(fmt::format("{}{}", reply.outcome(), reply.version() == before ? "" : " new"));
  }
  return joined(told, server.watch("&resourceVersion=" + before, 1));
}

// --- 7
Lines status_writes(const Server& server) {
  const std::string uid = server.create("a").body["metadata"]["uid"];
  const Reply ignored =
      server.patch("a/status", R"({"spec":{"enabled":false},"status":{"variant":"on"}})");
  return {
      fmt::format("{} enabled={}", ignored.outcome(), ignored.body["spec"]["enabled"].dump()),
      server.patch("a/status", R"({"metadata":{"resourceVersion":"1"},"status":{"variant":"off"}})")
          .outcome(),
      server.patch("a/status", R"({"metadata":{"uid":"another"},"status":{"variant":"off"}})")
          .outcome(),
      server.ask("DELETE", kFlags + "/a", R"({"preconditions":{"uid":"another"}})").outcome(),
      server
          .patch("gone?fieldManager=prober", Server::flag("gone", R"(,"uid":")" + uid + "\""),
                 kApply)
          .outcome(),
      server.get(kFlags + "/gone").outcome()};
}

// --- 8
Lines refusals(const Server& server) {
  server.create("a");
  return {server.patch("a", "{}", "application/strategic-merge-patch+json").outcome(),
          server.ask("PUT", kFlags + "/a", Server::flag("a")).outcome(),
          server.create("a").outcome()};
}

// --- 9
Lines generations(const Server& server) {
  const auto generation = [](const Reply& reply) {
    return fmt::format("{} generation={}", reply.outcome(),
                       reply.body["metadata"]["generation"].dump());
  };
  return {generation(server.create("a", R"(,"finalizers":["example.com/hold"])")),
          generation(server.patch("a", R"({"metadata":{"labels":{"x":"y"}}})")),
          generation(server.patch("a", R"({"spec":{"enabled":false}})")),
          generation(server.ask("DELETE", kFlags + "/a")), generation(server.get(kFlags + "/a"))};
}

// --- 10
Lines finalizers(const Server& server) {
  server.create("a", R"(,"finalizers":["example.com/hold"])");
  server.ask("DELETE", kFlags + "/a");
  const Reply more =
      server.patch("a", R"({"metadata":{"finalizers":["example.com/hold","example.com/more"]}})");
  const Reply last = server.patch("a", R"({"metadata":{"finalizers":null}})");
  return {more.outcome(), fmt::format("{} {}", last.outcome(), last.body.value("kind", "")),
          server.get(kFlags + "/a").outcome()};
}

// --- 11
Lines dangling_owner(const Server& server) {
  const Reply made = server.create("a", R"(,"ownerReferences":[{"apiVersion":"v1",
      "kind":"ConfigMap","name":"none","uid":"00000000-0000-4000-8000-000000000000"}])");
  return {made.outcome(), made.body["metadata"]["ownerReferences"][0].value("name", "")};
}

struct Probe {
  std::string name;
  Lines (*ask)(const Server&);
  Lines answer;
  std::string why_not_ours;   // not empty: ours is not asked, because ...
  std::string why_different;  // not empty: ours gives `ours`, because ...
  Lines ours;
};

const std::vector<Probe>& probes() {
  static const std::vector<Probe> kAll = {
      {"1SilenceIsNoDeath", silence, {"the end", "ADDED late", "the end"}, "", "", {}},
      {"2EditedDefinition",
       edited_definition,
       {"ended before its time", "the end", "the end"},
       "its kinds are compiled in: no definition can be edited",
       "",
       {}},
      {"3AbsentKindIsPlainText",
       absent,
       {"404 text/plain 404 page not found\n", "404 text/plain 404 page not found\n",
        "404 text/plain 404 page not found\n"},
       "",
       "",
       {}},
      {"4RemovedDefinition",
       removed_definition,
       {"DELETED kept", "the end", "404 page not found\n"},
       "its kinds are compiled in: no definition can be removed",
       "",
       {}},
      {"5WatchWithoutAVersion", initial_state, {"ADDED a", "ADDED b", "the end"}, "", "", {}},
      {"5WatchOfTheFuture",
       future,
       {"the end"},
       "",
       "a store in memory begins anew with each process: who waits for a version of the one before "
       "would wait forever, so it is told to list again",
       {"ERROR 410 Expired", "the end"}},
      {"6NoChangeIsNoEvent", no_change, {"200", "200", "200", "the end"}, "", "", {}},
      {"7StatusWrites",
       status_writes,
       {"200 enabled=true", "409 Conflict", "200", "409 Conflict", "409 Conflict", "404 NotFound"},
       "",
       "",
       {}},
      {"8Refusals",
       refusals,
       {"415 UnsupportedMediaType", "422 Invalid", "409 AlreadyExists"},
       "",
       "",
       {}},
      {"9Generations",
       generations,
       {"201 generation=1", "200 generation=1", "200 generation=2", "200 generation=3",
        "200 generation=3"},
       "",
       "",
       {}},
      {"10Finalizers", finalizers, {"422 Invalid", "200 FeatureFlag", "404 NotFound"}, "", "", {}},
      // That it stays is not asked: the controllers of the test's server would collect it.
      {"11DanglingOwner", dangling_owner, {"201", "none"}, "", "", {}}};
  return kAll;
}

class Probes : public testing::TestWithParam<Probe> {};

TEST_P(Probes, AreAnsweredByStandaloneRipcord) {
  const Probe& probe = GetParam();
  if (!probe.why_not_ours.empty()) {
    SUCCEED() << "not asked: " << probe.why_not_ours;
    return;
  }
  Standalone ripcord;
  const Server server(ripcord.url(), {}, "");
  EXPECT_EQ(probe.ask(server), probe.why_different.empty() ? probe.answer : probe.ours);
}

TEST_P(Probes, AreAnsweredByARealApiServer) {
  REQUIRE_CONTROL_PLANE();
  const ControlPlane& plane = shared_control_plane();
  static const bool prepared = (prepare(plane), true);
  ASSERT_TRUE(prepared);
  TlsOptions tls;
  tls.ca_pem = read_file(plane.ca_file());
  const Server server(plane.url(), tls, plane.token());
  server.clear();
  EXPECT_EQ(GetParam().ask(server), GetParam().answer);
  server.clear();
}

INSTANTIATE_TEST_SUITE_P(Both, Probes, testing::ValuesIn(probes()),
                         [](const auto& probe) { return "Probe" + probe.param.name; });

}  // namespace
}  // namespace ripcord
