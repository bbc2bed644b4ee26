// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/remote_object_store.h"

#include "adapters/kubernetes/resource_path.h"
#include "controller/base/mutex.h"
#include "controller/codec/codec.h"
#include "controller/codec/wire.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

// A cluster refuses changed times instead of passing over them, and takes their absence as no
// change.
Resource without_server_fields(const Resource& object) {
  Resource bare = object;
  bare.meta.generation = 0;
  bare.meta.creation_timestamp = {};
  bare.meta.deletion_timestamp.reset();
  return bare;
}

// Follows one kind on a thread of its own. A stream that merely ended is taken up again where it
// stopped.
class RemoteWatch final : public ObjectWatch {
 public:
  RemoteWatch(HttpStreamClient& streams, std::string url, std::int64_t from)
      : streams_(streams),
        url_(std::move(url)),
        version_(from),
        thread_([this](std::stop_token stop) { follow(stop); }) {}

  Result<WatchEvent> next(Duration timeout, std::stop_token stop) override {
    const std::stop_callback wake(stop, [this] {
      MutexLock lock(mutex_);
      changed_.notify_all();
    });
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    MutexLock lock(mutex_);
    while (events_.empty() && failed_.ok() && !stop.stop_requested()) {
      if (!changed_.wait_until(mutex_, deadline)) {
        break;
      }
    }
    if (!events_.empty()) {
      WatchEvent event = std::move(events_.front());
      events_.pop_front();
      changed_.notify_all();
      return event;
    }
    if (!failed_.ok()) {
      return tl::unexpected<Status>(failed_);
    }
    return stop.stop_requested() ? error(StatusCode::kCancelled, "the watch was stopped")
                                 : error(StatusCode::kDeadlineExceeded, "no change in time");
  }

 private:
  static constexpr std::size_t kBuffered = 10'000;
  static constexpr Duration kSilence = std::chrono::seconds(90);

  void follow(std::stop_token stop) {
    while (!stop.stop_requested()) {
      std::string pending;
      HttpResponse refused;
      HttpRequest request;
      request.url =
          fmt::format("{}?watch=1&allowWatchBookmarks=true&timeoutSeconds=60&resourceVersion={}",
                      url_, version_);
      request.timeout = kSilence;
      const Status ended = streams_.stream(
          request,
          [&](std::string_view piece) {
            pending += piece;
            take_lines(pending, stop);
          },
          refused, stop);
      if (refused.status != 0) {
        fail(codec::decode_status(refused.status, refused.body));
      }
      MutexLock lock(mutex_);
      if (!failed_.ok()) {
        return;
      }
      if (!ended.ok()) {
        // The server is away: tried again a little later, from where we are.
        changed_.wait_until(mutex_,
                            std::chrono::steady_clock::now() + std::chrono::milliseconds(200));
      }
    }
  }

  void take_lines(std::string& pending, const std::stop_token& stop) {
    std::size_t end = 0;
    while ((end = pending.find('\n')) != std::string::npos) {
      const std::string line = pending.substr(0, end);
      pending.erase(0, end + 1);
      Result<codec::DecodedWatchEvent> event = codec::decode_watch_event(line);
      if (!event) {
        fail(event.error());
      } else if (!event->unreadable.ok()) {
        fail(event->unreadable);
      } else if (event->object) {
        push(*std::move(event), stop);
      }
    }
  }

  void push(codec::DecodedWatchEvent event, const std::stop_token& stop) {
    const WatchEvent::Type type = event.type == "ADDED"      ? WatchEvent::Type::kAdded
                                  : event.type == "MODIFIED" ? WatchEvent::Type::kModified
                                                             : WatchEvent::Type::kDeleted;
    version_ = event.object->meta.resource_version;
    MutexLock lock(mutex_);
    if (events_.size() >= kBuffered || stop.stop_requested()) {
      failed_ =
          Status(StatusCode::kExpired, "the reader of this watch is too far behind: list again");
    } else {
      events_.push_back({type, std::move(event.object)});
    }
    changed_.notify_all();
  }

  void fail(Status status) {
    MutexLock lock(mutex_);
    failed_ = std::move(status);
    changed_.notify_all();
  }

  HttpStreamClient& streams_;
  const std::string url_;
  std::int64_t version_;  // of the follower alone
  Mutex mutex_;
  CondVar changed_;
  std::deque<WatchEvent> events_ GUARDED_BY(mutex_);
  Status failed_ GUARDED_BY(mutex_);
  std::jthread thread_;  // last: stopped and joined before the rest goes
};

}  // namespace

RemoteObjectStore::RemoteObjectStore(HttpClient& client, HttpStreamClient& streams,
                                     std::string server)
    : client_(client), streams_(streams), server_(std::move(server)) {}

Result<std::string> RemoteObjectStore::exchange(HttpRequest request) const {
  request.url = server_ + request.url;
  request.headers["accept"] = "application/json";
  if (!request.body.empty()) {
    request.headers["content-type"] = "application/json";
  }
  ASSIGN_OR_RETURN(HttpResponse response, client_.send(request));
  if (response.status < 200 || response.status > 299) {
    return tl::unexpected<Status>(codec::decode_status(response.status, response.body));
  }
  return std::move(response.body);
}

Result<ResourcePtr> RemoteObjectStore::get(const ObjectKey& key) const {
  ASSIGN_OR_RETURN(const std::string body, exchange({.url = object_path(key)}));
  ASSIGN_OR_RETURN(Resource object, codec::decode(body));
  return std::make_shared<const Resource>(std::move(object));
}

Result<ObjectList> RemoteObjectStore::list(Kind kind, std::optional<std::string> ns) const {
  ASSIGN_OR_RETURN(const std::string body,
                   exchange({.url = collection_path(kind, ns.value_or(""))}));
  ASSIGN_OR_RETURN(codec::DecodedList decoded, codec::decode_list(body));
  if (!decoded.unreadable.empty()) {
    return tl::unexpected<Status>(std::move(decoded.unreadable.front()));
  }
  // A cluster orders by the text "namespace/name", in which "a-b/x" comes before "a/x".
  std::sort(decoded.items.begin(), decoded.items.end(),
            [](const ResourcePtr& a, const ResourcePtr& b) {
              return std::tie(a->meta.ns, a->meta.name) < std::tie(b->meta.ns, b->meta.name);
            });
  return ObjectList{std::move(decoded.items), decoded.resource_version};
}

Result<std::unique_ptr<ObjectWatch>> RemoteObjectStore::watch(Kind kind,
                                                              std::int64_t from_version) const {
  return std::make_unique<RemoteWatch>(streams_, server_ + collection_path(kind, ""), from_version);
}

Result<ResourcePtr> RemoteObjectStore::write(std::string method, const std::string& path,
                                             const Resource& object) const {
  ASSIGN_OR_RETURN(
      const std::string body,
      exchange({.method = std::move(method), .url = path, .body = codec::encode(object)}));
  ASSIGN_OR_RETURN(Resource written, codec::decode(body));
  return std::make_shared<const Resource>(std::move(written));
}

Result<ResourcePtr> RemoteObjectStore::create(const Resource& object) {
  if (object.meta.resource_version != 0) {
    // A cluster calls this an error of its own (500).
    return error(StatusCode::kInvalidArgument,
                 "metadata.resourceVersion: should not be set on objects to be created");
  }
  Resource wanted = without_server_fields(object);
  wanted.meta.uid.clear();
  return write("POST", collection_path(object.kind(), object.meta.ns), wanted);
}

Result<ResourcePtr> RemoteObjectStore::update(const Resource& object) {
  return write("PUT", object_path(object.key()), without_server_fields(object));
}

Result<ResourcePtr> RemoteObjectStore::update_status(const Resource& object) {
  if (object.status.index() != object.spec.index()) {
    return error(StatusCode::kInvalidArgument, "status: is that of another kind");
  }
  return write("PUT", object_path(object.key()) + "/status", object);
}

Status RemoteObjectStore::remove(const ObjectKey& key, const Preconditions& preconditions) {
  const Result<codec::DecodedDeletion> answer = removed(key, preconditions);
  return answer ? ok_status() : answer.error();
}

Result<codec::DecodedDeletion> RemoteObjectStore::removed(const ObjectKey& key,
                                                          const Preconditions& preconditions) {
  HttpRequest request{.method = "DELETE", .url = object_path(key)};
  request.body = codec::encode_delete_options(preconditions.uid, preconditions.resource_version);
  ASSIGN_OR_RETURN(const std::string answer, exchange(std::move(request)));
  return codec::decode_deletion(answer);
}

}  // namespace ripcord::kubernetes
