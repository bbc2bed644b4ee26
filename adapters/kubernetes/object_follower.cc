// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/object_follower.h"

#include "adapters/kubernetes/resource_path.h"
#include "controller/codec/object_version.h"
#include "controller/codec/wire.h"

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

constexpr std::string_view kMetadataOnly =
    "application/json;as=PartialObjectMetadata{};v=v1;g=meta.k8s.io,application/json";
constexpr Duration kShortWatch = std::chrono::seconds(1);

const ApiKind& kind_of(Reference::To to) {
  switch (to) {
    case Reference::To::kSecret:
      return kSecrets;
    case Reference::To::kConfigMap:
      return kConfigMaps;
    case Reference::To::kService:
      return kServices;
    case Reference::To::kHttpRoute:
      return kHttpRoutes;
    case Reference::To::kEndpointSlices:
      return kEndpointSlices;
  }
  return kSecrets;
}

bool by_label(const Reference& reference) {
  return reference.to == Reference::To::kEndpointSlices;
}

std::string selector_of(const Reference& reference) {
  return by_label(reference)
             ? "labelSelector=" + escaped("kubernetes.io/service-name=" + reference.name)
             : "fieldSelector=" + escaped("metadata.name=" + reference.name);
}

std::string describe(const Reference& reference) {
  return by_label(reference)
             ? "EndpointSlices of " + to_string(ApiName{kServices, reference.ns, reference.name})
             : to_string(ApiName{kind_of(reference.to), reference.ns, reference.name});
}

// One reference that is followed, by one thread.
class Follow {
 public:
  Follow(const ClusterReach& reach, Clock& clock, const FollowOptions& options,
         const Reference& reference, const std::function<void()>& changed)
      : reach_(reach),
        clock_(clock),
        options_(options),
        reference_(reference),
        kind_(kind_of(reference.to)),
        url_(fmt::format("{}{}/namespaces/{}/{}?{}", reach.server, kind_.group,
                         escaped(reference.ns), kind_.resource, selector_of(reference))),
        changed_(changed) {}

  // Until something is in the way (its Status) or a watch ended in peace (ok).
  Status go_on(const std::stop_token& stop) {
    if (version_.empty()) {
      RETURN_IF_ERROR(list(stop));
    }
    const Status ended = watch(stop);
    if (ended.code() == StatusCode::kExpired || ended.reason() == codec::kNoFrame) {
      version_.clear();
    }
    return ended;
  }

 private:
  Status list(const std::stop_token& stop) {
    HttpRequest request;
    request.url = url_;
    request.headers["accept"] = fmt::format(fmt::runtime(kMetadataOnly), "List");
    ASSIGN_OR_RETURN(const HttpResponse response, reach_.client.send(request, stop));
    if (response.status / 100 != 2) {
      return refusal("list", response);
    }
    ASSIGN_OR_RETURN(codec::ListedVersions listed, codec::decode_listed_versions(response.body));
    version_ = std::move(listed.collection);
    if (seen_ != listed.objects) {
      seen_ = std::move(listed.objects);
      changed_();
    }
    return {};
  }

  Status watch(const std::stop_token& stop) {
    const MonoTime began = clock_.now();
    HttpRequest request;
    request.url = fmt::format("{}&watch=1&allowWatchBookmarks=true&resourceVersion={}", url_,
                              escaped(version_));
    request.headers["accept"] = fmt::format(fmt::runtime(kMetadataOnly), "");
    request.timeout = options_.silence;
    std::stop_source end;
    const std::stop_callback on_stop(stop, [&end] { end.request_stop(); });
    Status failed;
    std::string pending;
    std::size_t frames = 0;
    HttpResponse refused;
    const Status ended = reach_.streams->stream(
        request,
        [&](std::string_view piece) {
          pending += piece;
          for (std::size_t to = 0; failed.ok() && (to = pending.find('\n')) != std::string::npos;
               pending.erase(0, to + 1)) {
            failed = frame(std::string_view(pending).substr(0, to));
            ++frames;
          }
          if (!failed.ok()) {
            end.request_stop();
          }
        },
        refused, end.get_token());
    if (!failed.ok()) {
      return failed;
    }
    if (refused.status != 0) {
      return refusal("watch", refused);
    }
    if (ended.ok() && frames == 0 && clock_.now() - began < kShortWatch) {
      return {StatusCode::kUnavailable, "the watch ended at once, without an event"};
    }
    return ended;
  }

  Status frame(std::string_view line) {
    if (line.empty()) {
      return {};
    }
    ASSIGN_OR_RETURN(codec::VersionFrame frame, codec::decode_version_frame(line));
    version_ = frame.version;
    if (frame.type != "BOOKMARK" && take(frame)) {
      changed_();
    }
    return {};
  }

  // Whether it tells anything new.
  bool take(codec::VersionFrame& frame) {
    if (frame.type == "DELETED") {
      return seen_->erase(frame.name) > 0;
    }
    std::string& version = (*seen_)[frame.name];
    if (version == frame.version) {
      return false;
    }
    version = std::move(frame.version);
    return true;
  }

  Status refusal(std::string_view verb, const HttpResponse& response) const {
    const Status status = codec::decode_status(response.status, response.body);
    return status.code() == StatusCode::kPermissionDenied
               ? Status(StatusCode::kPermissionDenied,
                        fmt::format("Ripcord may not {} it; grant its service account the verbs "
                                    "list and watch on {}{} in namespace {}",
                                    verb, full_resource(kind_),
                                    by_label(reference_) ? "" : " of that name", reference_.ns),
                        "MissingRight")
               : status;
  }

  const ClusterReach& reach_;
  Clock& clock_;
  const FollowOptions& options_;
  const Reference& reference_;
  const ApiKind& kind_;
  const std::string url_;
  const std::function<void()>& changed_;
  std::string version_;                                     // watched up to here; empty: list first
  std::optional<std::map<std::string, std::string>> seen_;  // name -> version, since the first list
};

}  // namespace

void ObjectFollower::follow(const Reference& reference, const std::function<void()>& changed,
                            const std::stop_token& stop) {
  const Logger log = log_.with("reference", describe(reference));
  std::minstd_rand random{std::random_device{}()};
  Follow one(reach_, clock_, options_, reference, changed);
  std::string told;
  int failures = 0;
  while (!stop.stop_requested()) {
    const MonoTime began = clock_.now();
    const Status ended = one.go_on(stop);
    if (stop.stop_requested()) {
      return;
    }
    // A watch that breaks now and then is the normal course of things.
    const bool lasted = clock_.now() - began >= options_.silence / 2;
    failures = ended.ok() || lasted ? 0 : failures + 1;
    if (failures == 0) {
      told.clear();
      continue;
    }
    if (failures > 1 && told != ended.message()) {
      told = ended.message();
      log.warning("cannot be followed; its changes are seen at the next resync",
                  {{"error", to_string(ended)}});
    }
    const Duration nominal =
        std::min(options_.first_retry * (1 << std::min(failures - 1, 16)), options_.last_retry);
    clock_.sleep_for(nominal + nominal * (random() % 1000) / 1000, stop);
  }
}

}  // namespace ripcord::kubernetes
