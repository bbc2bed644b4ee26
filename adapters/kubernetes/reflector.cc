// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/reflector.h"

#include "adapters/kubernetes/packed_object.h"
#include "adapters/kubernetes/resource_path.h"
#include "controller/codec/wire.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <iterator>
#include <map>
#include <thread>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

constexpr int kPageSize = 500;
constexpr Duration kHealthy = std::chrono::minutes(2);
constexpr Duration kShortWatch = std::chrono::seconds(1);
constexpr Duration kRequestTimeout = std::chrono::seconds(60);
constexpr Duration kCrdAnswerKept = std::chrono::seconds(1);
constexpr std::array<std::string_view, 2> kListLabels = {"kind", "reason"};
constexpr std::array<std::string_view, 1> kKindLabel = {"kind"};
constexpr MetricDescriptor kLists = {"ripcord_reflector_lists_total",
                                     "Full lists of a kind from the API server.",
                                     MetricType::kCounter, kListLabels};
constexpr MetricDescriptor kUnreadable = {
    "ripcord_reflector_unreadable_objects_total",
    "Objects of the API server that could not be read and were left out.", MetricType::kCounter,
    kKindLabel};

constexpr MetricDescriptor kFollows = {
    "ripcord_kind_followed", "1 while the objects of a kind are followed, 0 while they cannot be.",
    MetricType::kGauge, kKindLabel};

// A streaming list is worth no second try in pages: the same answer would come.
bool same_for_a_list(int http) {
  return http == 401 || http == 403 || http == 404 || http == 429 || http == 503;
}

bool knows_no_streaming_list(int http) {
  return http == 400 || http == 415 || http == 422 || http == 501;
}

}  // namespace

// One request for a stream, and what has come of it so far.
struct Reflector::Stream {
  bool initial = false;  // still before the end of the first objects
  std::map<std::pair<std::string, std::string>, StoredObject> collected;
  std::string pending;  // bytes of a line that is not complete
  std::size_t frames = 0;
  Status failed;
  int refused = 0;  // HTTP status
};

Reflector::Reflector(HttpClient& client, HttpStreamClient& streams, ReflectorOptions options,
                     MirrorSink& sink, Clock& clock, MetricSink& metrics, Logger log)
    : client_(client),
      streams_(streams),
      options_(std::move(options)),
      sink_(sink),
      clock_(clock),
      metrics_(metrics),
      log_(std::move(log)),
      random_(options_.seed) {
  metrics_.add(kUnreadable, {to_string(options_.kind)}, 0);
}

Reflector::State Reflector::state() const {
  MutexLock lock(mutex_);
  return state_;
}

void Reflector::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const MonoTime began = clock_.now();
    const Status ended = listed_ ? stream(false, stop) : load(stop);
    if (stop.stop_requested()) {
      return;
    }
    if (clock_.now() - began >= kHealthy) {
      failures_ = 0;
    }
    note(ended);
    if (ended.ok()) {
      continue;
    }
    if (ended.code() == StatusCode::kExpired || ended.reason() == codec::kNoFrame) {
      // Not all replicas at the same moment.
      listed_ = false;
      list_reason_ = ended.code() == StatusCode::kExpired ? "expired" : "unreadable";
      if (failures_ == 0) {
        ++failures_;
        clock_.sleep_for(options_.first_retry * (random_() % 1000) / 1000, stop);
        continue;
      }
    }
    clock_.sleep_for(retry_delay(), stop);
  }
}

Duration Reflector::retry_delay() {
  const Duration nominal =
      std::min(options_.first_retry * (1 << std::min(failures_++, 16)), options_.last_retry);
  return nominal + nominal * (random_() % 1000) / 1000;
}

void Reflector::note(const Status& status) {
  const bool expected = status.ok() || status.code() == StatusCode::kExpired;
  bool news = false;
  {
    MutexLock lock(mutex_);
    news = expected != state_.problem.ok() ||
           (!expected && state_.problem.message() != status.message());
    state_.problem = expected ? Status() : status;
  }
  metrics_.set(kFollows, {to_string(options_.kind)}, expected && listed_ ? 1 : 0);
  if (news && expected) {
    log_.info("the API server is followed again");
  } else if (news) {
    log_.warning("the API server cannot be followed; going on with what is known",
                 {{"error", to_string(status)}});
  }
}

Status Reflector::load(const std::stop_token& stop) {
  if (streaming_list_) {
    const Status ended = stream(true, stop);
    if (listed_ || stop.stop_requested() || (!ended.ok() && !streaming_list_useless_)) {
      return ended;
    }
  }
  return list_pages(stop);
}

Status Reflector::list_pages(const std::stop_token& stop) {
  const std::string path = options_.server + collection_path(options_.kind, options_.ns);
  std::vector<StoredObject> objects;
  std::string token;
  bool in_pages = true;
  for (;;) {
    HttpRequest request;
    request.url = path;
    if (in_pages) {
      request.url += fmt::format("?limit={}", kPageSize);
      if (!token.empty()) {
        request.url += "&continue=" + escaped(token);
      }
    }
    request.timeout = kRequestTimeout;
    request.headers["accept"] = "application/json";
    ASSIGN_OR_RETURN(const HttpResponse response, client_.send(request, stop));
    if (response.status / 100 != 2) {
      const Status refused = refusal(response);
      if (refused.code() == StatusCode::kExpired && in_pages && !token.empty()) {
        in_pages = false;  // the pages outlived their snapshot: everything at once
        objects.clear();
        token.clear();
        continue;
      }
      return refused;
    }
    ASSIGN_OR_RETURN(codec::DecodedList page, codec::decode_list(response.body));
    std::ranges::for_each(page.unreadable, [this](const Status& why) { unreadable(why); });
    std::ranges::transform(page.items, std::back_inserter(objects), packed);
    token = page.continue_token;
    if (token.empty()) {
      replace(std::move(objects), page.resource_version);
      return ok_status();
    }
  }
}

Status Reflector::stream(bool initial, const std::stop_token& stop) {
  const MonoTime began = clock_.now();
  Stream state;
  state.initial = initial;
  std::stop_source end;
  const std::stop_callback on_stop(stop, [&end] { end.request_stop(); });
  std::atomic<bool> late = false;
  std::jthread bound;
  if (initial) {
    bound = std::jthread([&](const std::stop_token& in_time) {
      if (clock_.sleep_for(options_.list_wait, in_time)) {
        late = true;
        end.request_stop();
      }
    });
  }
  HttpRequest request;
  request.url =
      fmt::format("{}{}?watch=1&allowWatchBookmarks=true&timeoutSeconds={}&resourceVersion={}",
                  options_.server, collection_path(options_.kind, options_.ns),
                  300 + random_() % 300, initial ? std::string() : std::to_string(version_));
  if (initial) {
    request.url += "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan";
  }
  request.headers["accept"] = "application/json";
  request.timeout = options_.silence;
  HttpResponse refused;
  const Status ended = streams_.stream(
      request,
      [&](std::string_view piece) {
        if (!state.failed.ok()) {
          return;
        }
        state.pending += piece;
        std::size_t from = 0;
        for (std::size_t to = 0; (to = state.pending.find('\n', from)) != std::string::npos;
             from = to + 1) {
          state.failed = take_frame(state, std::string_view(state.pending).substr(from, to - from));
          if (!state.failed.ok()) {
            end.request_stop();
            return;
          }
          if (!state.initial && bound.joinable()) {
            bound.request_stop();
          }
        }
        state.pending.erase(0, from);
      },
      refused, end.get_token());
  streaming_list_useless_ = false;
  if (!state.failed.ok()) {
    return state.failed;
  }
  if (refused.status != 0) {
    streaming_list_useless_ = initial && !same_for_a_list(refused.status);
    streaming_list_ = streaming_list_ && !(initial && knows_no_streaming_list(refused.status));
    return refusal(refused);
  }
  if (late && state.initial) {
    streaming_list_useless_ = true;
    return {StatusCode::kDeadlineExceeded,
            "the streaming list did not end in time; listing in pages instead"};
  }
  if (ended.reason() == kSilent && !state.initial) {
    // Of a kind that nobody writes nothing comes, and of a peer that is gone neither: a new
    // connection tells. That is no failure, so nothing is waited for.
    return ok_status();
  }
  if (!ended.ok()) {
    return ended;
  }
  if (state.frames == 0 && clock_.now() - began < kShortWatch) {
    return {StatusCode::kUnavailable, "the watch ended at once, without an event"};
  }
  return ok_status();
}

Status Reflector::take_frame(Stream& stream, std::string_view line) {
  if (line.empty()) {
    return ok_status();
  }
  ASSIGN_OR_RETURN(codec::DecodedWatchEvent event, codec::decode_watch_event(line));
  if (++stream.frames == 1 && !stream.initial) {
    note(ok_status());
  }
  if (event.type == "BOOKMARK") {
    if (stream.initial && event.initial_list_ends) {
      stream.initial = false;
      std::vector<StoredObject> objects;
      objects.reserve(stream.collected.size());
      for (auto& [key, object] : stream.collected) {
        objects.push_back(std::move(object));
      }
      stream.collected.clear();
      replace(std::move(objects), event.resource_version);
    } else if (!stream.initial) {
      version_ = event.resource_version;
      sink_.advance(version_);
    }
    return ok_status();
  }
  if (!event.object) {
    unreadable(event.unreadable);
    version_ = stream.initial ? version_ : event.resource_version;
    return ok_status();
  }
  const bool deleted = event.type == "DELETED";
  if (stream.initial) {
    const std::pair key(event.object->meta.ns, event.object->meta.name);
    if (deleted) {
      stream.collected.erase(key);
    } else {
      stream.collected[key] = packed(event.object);
    }
    return ok_status();
  }
  deliver({deleted                 ? WatchEvent::Type::kDeleted
           : event.type == "ADDED" ? WatchEvent::Type::kAdded
                                   : WatchEvent::Type::kModified,
           std::move(event.object)});
  return ok_status();
}

void Reflector::deliver(WatchEvent event) {
  version_ = event.object->meta.resource_version;
  if (event.type == WatchEvent::Type::kDeleted && crd_is_going()) {
    if (!std::exchange(deletions_held_, true)) {
      log_.warning(
          "the CustomResourceDefinition is being removed; its objects are kept as last seen");
    }
    return;
  }
  sink_.apply(std::move(event));
}

// Removing a CRD deletes its objects one by one, which nobody means as "stop serving these flags".
bool Reflector::crd_is_going() {
  if (!options_.watches_crd) {
    return false;
  }
  const MonoTime now = clock_.now();
  if (crd_asked_ != MonoTime{} && now - crd_asked_ < kCrdAnswerKept) {
    return crd_going_;
  }
  HttpRequest request;
  request.url = fmt::format("{}/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{}.{}",
                            options_.server, plural(options_.kind), kApiGroup);
  request.headers["accept"] = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
  request.timeout = std::chrono::seconds(5);
  const Result<HttpResponse> response = client_.send(request);
  crd_asked_ = clock_.now();
  crd_going_ = response && (response->status == 404 ||
                            (response->status == 200 && codec::is_being_deleted(response->body)));
  return crd_going_;
}

void Reflector::replace(std::vector<StoredObject> objects, std::int64_t version) {
  metrics_.add(kLists, {to_string(options_.kind), list_reason_});
  version_ = version;
  listed_ = true;
  deletions_held_ = false;
  sink_.replace(std::move(objects), version);
  {
    MutexLock lock(mutex_);
    state_.synced = true;
  }
  note(ok_status());
}

void Reflector::unreadable(const Status& why) {
  metrics_.add(kUnreadable, {to_string(options_.kind)});
  log_.warning("an object of the API server cannot be read and keeps its last good state",
               {{"error", why.message()}});
}

Status Reflector::refusal(const HttpResponse& response) const {
  const Status status = codec::decode_status(response.status, response.body);
  if (response.status == 404) {
    return {StatusCode::kNotFound, fmt::format("the API server knows no {}.{}: apply crds/ to it",
                                               plural(options_.kind), kApiGroup)};
  }
  return status.annotated(fmt::format("{}.{}", plural(options_.kind), kApiGroup));
}

}  // namespace ripcord::kubernetes
