// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/resource_service.h"

#include "controller/codec/codec.h"
#include "controller/codec/wire.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

constexpr std::string_view kRoot = "/apis/ripcord.dev/v1alpha1";
constexpr std::chrono::seconds kLongestWatch = std::chrono::minutes(30);

// What a path names. `name` is empty for a collection, `ns` is empty for all namespaces.
struct Target {
  Kind kind = Kind::kFeatureFlag;
  std::string ns;
  std::string name;
  bool status = false;
};

ServedResponse answer(int code, std::string body) {
  ServedResponse response;
  response.status = code;
  response.body = std::move(body);
  return response;
}

ServedResponse failure(const Status& status) {
  return answer(codec::http_code(status), codec::encode_status(status));
}

ServedResponse answer(const Result<ResourcePtr>& result, int code = 200) {
  return result ? answer(code, codec::encode(**result)) : failure(result.error());
}

int hex(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      out += static_cast<char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::vector<std::string> split(std::string_view text, char by) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = text.find(by);
    parts.push_back(decoded(text.substr(0, end)));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return parts;
}

std::map<std::string, std::string> query_of(std::string_view query) {
  std::map<std::string, std::string> values;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const std::size_t equals = pair.find('=');
    values[decoded(pair.substr(0, equals))] =
        equals == std::string_view::npos ? "" : decoded(pair.substr(equals + 1));
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  return values;
}

std::optional<Kind> kind_of_plural(std::string_view name) {
  for (const Kind kind : kAllKinds) {
    if (plural(kind) == name) {
      return kind;
    }
  }
  return std::nullopt;
}

// namespaces/{ns}/{plural}[/{name}[/status]] or {plural}, below kRoot.
std::optional<Target> target_of(std::string_view path) {
  if (!path.starts_with(kRoot) || path.size() <= kRoot.size() + 1) {
    return std::nullopt;
  }
  const std::vector<std::string> parts = split(path.substr(kRoot.size() + 1), '/');
  Target target;
  std::size_t at = 0;
  if (parts[0] == "namespaces") {
    if (parts.size() < 3 || parts[1].empty()) {
      return std::nullopt;
    }
    target.ns = parts[1];
    at = 2;
  }
  const std::optional<Kind> kind = kind_of_plural(parts[at]);
  if (!kind || parts.size() > at + 3 || (parts.size() > at + 1 && target.ns.empty())) {
    return std::nullopt;
  }
  target.kind = *kind;
  if (parts.size() > at + 1) {
    target.name = parts[at + 1];
  }
  if (parts.size() > at + 2) {
    if (parts[at + 2] != "status") {
      return std::nullopt;
    }
    target.status = true;
  }
  return target;
}

std::int64_t number(const std::map<std::string, std::string>& query, const std::string& key,
                    std::int64_t otherwise) {
  const auto at = query.find(key);
  if (at == query.end()) {
    return otherwise;
  }
  std::int64_t value = otherwise;
  std::from_chars(at->second.data(), at->second.data() + at->second.size(), value);
  return value;
}

// A watch as a body: one line an event, ended after its time.
class WatchBody final : public BodyStream {
 public:
  WatchBody(std::unique_ptr<ObjectWatch> watch, std::string ns, std::string name,
            std::vector<ResourcePtr> first, Duration time)
      : watch_(std::move(watch)),
        ns_(std::move(ns)),
        name_(std::move(name)),
        first_(std::move(first)),
        left_(time) {}

  Result<std::string> next(std::stop_token stop) override {
    if (!first_.empty()) {
      std::string text;
      for (const ResourcePtr& object : std::exchange(first_, {})) {
        text += wanted(*object) ? codec::encode_watch_event("ADDED", *object) : "";
      }
      return text;
    }
    if (ended_ || left_ <= Duration::zero()) {
      return error(StatusCode::kExpired, "the watch's time is over");
    }
    // Waits are counted rather than timed: the slices that brought nothing are what makes a watch
    // old.
    const Result<WatchEvent> event = watch_->next(kSlice, stop);
    if (!event && event.error().code() == StatusCode::kDeadlineExceeded) {
      left_ -= kSlice;
      return std::string();
    }
    if (!event && event.error().code() == StatusCode::kCancelled) {
      return tl::unexpected<Status>(event.error());
    }
    if (!event) {
      ended_ = true;
      return codec::encode_watch_error(event.error());
    }
    return wanted(*event->object) ? codec::encode_watch_event(name_of(event->type), *event->object)
                                  : std::string();
  }

 private:
  static constexpr Duration kSlice = std::chrono::milliseconds(500);

  static std::string_view name_of(WatchEvent::Type type) {
    return type == WatchEvent::Type::kAdded      ? "ADDED"
           : type == WatchEvent::Type::kModified ? "MODIFIED"
                                                 : "DELETED";
  }
  bool wanted(const Resource& object) const {
    return (ns_.empty() || object.meta.ns == ns_) && (name_.empty() || object.meta.name == name_);
  }

  std::unique_ptr<ObjectWatch> watch_;
  const std::string ns_;
  const std::string name_;
  std::vector<ResourcePtr> first_;
  Duration left_;
  bool ended_ = false;
};

ServedResponse serve_watch(ObjectStore& store, const Target& target,
                           const std::map<std::string, std::string>& query) {
  std::string name = target.name;
  if (const auto selector = query.find("fieldSelector"); selector != query.end()) {
    constexpr std::string_view kByName = "metadata.name=";
    if (!selector->second.starts_with(kByName)) {
      return failure({StatusCode::kInvalidArgument,
                      "only the field selector metadata.name=NAME is supported"});
    }
    name = selector->second.substr(kByName.size());
  }
  std::int64_t from = number(query, "resourceVersion", 0);
  std::vector<ResourcePtr> first;
  if (from == 0) {
    Result<ObjectList> list = store.list(target.kind);
    if (!list) {
      return failure(list.error());
    }
    first = std::move(list->items);
    from = list->resource_version;
  }
  Result<std::unique_ptr<ObjectWatch>> watch = store.watch(target.kind, from);
  ServedResponse response;
  if (!watch) {
    // As the real server does: 200 and an ERROR frame.
    response.body = codec::encode_watch_error(watch.error());
    return response;
  }
  const std::chrono::seconds time(std::clamp<std::int64_t>(
      number(query, "timeoutSeconds", kLongestWatch.count()), 0, kLongestWatch.count()));
  response.stream = std::make_unique<WatchBody>(*std::move(watch), target.ns, std::move(name),
                                                std::move(first), time);
  return response;
}

ServedResponse serve_collection(ObjectStore& store, const Target& target,
                                const ServedRequest& request) {
  const std::map<std::string, std::string> query = query_of(request.query);
  if (request.method == "GET") {
    const auto watch = query.find("watch");
    if (watch != query.end() && watch->second != "false" && watch->second != "0") {
      return serve_watch(store, target, query);
    }
    const Result<ObjectList> list =
        store.list(target.kind, target.ns.empty() ? std::nullopt : std::optional(target.ns));
    return list ? answer(200, codec::encode_list(target.kind, list->items, list->resource_version))
                : failure(list.error());
  }
  if (request.method == "POST" && !target.ns.empty()) {
    Result<Resource> object = codec::decode(request.body);
    if (!object) {
      return failure(object.error());
    }
    if (object->kind() != target.kind || object->meta.ns != target.ns) {
      return failure(
          {StatusCode::kInvalidArgument, "kind or namespace of the body is not that of the path"});
    }
    return answer(store.create(*object), 201);
  }
  return failure({StatusCode::kInvalidArgument, "this path takes GET, and POST below a namespace"});
}

ServedResponse serve_put(ObjectStore& store, const Target& target, const ObjectKey& key,
                         const std::string& body) {
  const Result<Resource> object = codec::decode(body);
  if (!object) {
    return failure(object.error());
  }
  if (object->key() != key) {
    return failure({StatusCode::kInvalidArgument,
                    "kind, name or namespace of the body is not that of the path"});
  }
  return answer(target.status ? store.update_status(*object) : store.update(*object));
}

// Without a resourceVersion in the patch, a concurrent write is no conflict: the patch is applied
// to what it left.
ServedResponse serve_patch(ObjectStore& store, const Target& target, const ObjectKey& key,
                           const ServedRequest& request) {
  const auto type = request.headers.find("content-type");
  if (type == request.headers.end() || !type->second.starts_with("application/merge-patch+json")) {
    return failure({StatusCode::kInvalidArgument,
                    "only Content-Type application/merge-patch+json is supported"});
  }
  for (int tries = 5;; --tries) {
    const Result<ResourcePtr> live = store.get(key);
    if (!live) {
      return failure(live.error());
    }
    const Result<Resource> patched = target.status ? codec::merge_patch_status(**live, request.body)
                                                   : codec::merge_patch(**live, request.body);
    if (!patched) {
      return failure(patched.error());
    }
    const Result<ResourcePtr> written =
        target.status ? store.update_status(*patched) : store.update(*patched);
    const bool lost_race = !written && written.error().code() == StatusCode::kConflict &&
                           patched->meta.resource_version == (*live)->meta.resource_version;
    if (!lost_race || tries == 0) {
      return answer(written);
    }
  }
}

ServedResponse serve_delete(ObjectStore& store, const ObjectKey& key, const std::string& body) {
  const Result<codec::DecodedDeleteOptions> options = codec::decode_delete_options(body);
  if (!options) {
    return failure(options.error());
  }
  const Result<ResourcePtr> live = store.get(key);
  const Status removed =
      live ? store.remove(key, {options->uid, options->resource_version}) : live.error();
  if (!removed.ok()) {
    return failure(removed);
  }
  const Result<ResourcePtr> left = store.get(key);  // still there when finalizers are
  return answer(200, codec::encode(left ? **left : **live));
}

ServedResponse serve_object(ObjectStore& store, const Target& target,
                            const ServedRequest& request) {
  const ObjectKey key{target.kind, target.ns, target.name};
  if (request.method == "GET") {
    return answer(store.get(key));
  }
  if (request.method == "PUT") {
    return serve_put(store, target, key, request.body);
  }
  if (request.method == "PATCH") {
    return serve_patch(store, target, key, request);
  }
  if (request.method == "DELETE" && !target.status) {
    return serve_delete(store, key, request.body);
  }
  return failure({StatusCode::kInvalidArgument, "this path takes GET, PUT, PATCH and DELETE"});
}

}  // namespace

ServedResponse ResourceService::serve(const ServedRequest& request) {
  if (request.path == "/apis" && request.method == "GET") {
    return answer(200, codec::api_group_list());
  }
  if (request.path == kRoot && request.method == "GET") {
    return answer(200, codec::api_resource_list());
  }
  if (request.path == "/version" && request.method == "GET") {
    return answer(200, codec::version_document(version_));
  }
  if (request.method != "GET" && request.headers.contains("origin")) {
    // Any page that a person of this machine opens could send it: loopback keeps nobody out there.
    return failure({StatusCode::kPermissionDenied,
                    "a browser sent this on behalf of a page; send changes with kubectl or curl"});
  }
  const std::optional<Target> target = target_of(request.path);
  if (!target) {
    return failure(
        {StatusCode::kNotFound, fmt::format("no such path: {}", request.path.substr(0, 200))});
  }
  return target->name.empty() ? serve_collection(store_, *target, request)
                              : serve_object(store_, *target, request);
}

}  // namespace ripcord::apiserver
