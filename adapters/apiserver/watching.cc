// SPDX-License-Identifier: Apache-2.0
// GET with watch=true: the first state where it is asked for, then the changes.
#include "adapters/apiserver/selector.h"
#include "adapters/apiserver/service_state.h"
#include "adapters/apiserver/watch_query.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace ripcord::apiserver {
namespace {

constexpr Duration kSlice = std::chrono::milliseconds(500);
constexpr Duration kBookmarkEvery = std::chrono::seconds(60);
constexpr Duration kLastBookmark = std::chrono::seconds(2);  // before the end
constexpr std::size_t kPiece = 256;                          // objects
constexpr const char* kNoNamespace = "-";

struct WatchPlan : WatchQuery {
  std::vector<ResourcePtr> first;
};

// One line a frame. What a selector selects may change with an object: one that starts to match is
// ADDED, one that ceases to is DELETED.
class WatchBody final : public BodyStream {
 public:
  WatchBody(ServiceState& state, Kind kind, Selection selection, codec::AnswerForm form,
            std::unique_ptr<ObjectWatch> watch, WatchPlan plan)
      : state_(state),
        kind_(kind),
        selection_(std::move(selection)),
        form_(form),
        watch_(std::move(watch)),
        plan_(std::move(plan)),
        end_(state.clock.now() + plan_.time),
        bookmark_(std::min(state.clock.now() + kBookmarkEvery, end_ - kLastBookmark)),
        version_(plan_.from) {
    note_present();
  }

  Result<std::string> next(std::stop_token stop) override {
    if (at_ < plan_.first.size()) {
      return first_piece();
    }
    if (std::exchange(plan_.initial_end, false)) {
      return codec::encode_bookmark(form_, to_string(kind_), kApiVersion, version_, true);
    }
    const MonoTime now = state_.clock.now();
    if (ended_ || now >= end_) {
      return error(StatusCode::kExpired, "the watch's time is over");
    }
    const Result<WatchEvent> event =
        watch_->next(std::clamp<Duration>(end_ - now, Duration::zero(), kSlice), stop);
    if (!event && event.error().code() == StatusCode::kDeadlineExceeded) {
      return plan_.bookmarks && state_.clock.now() >= bookmark_ ? bookmark() : std::string();
    }
    if (!event && event.error().code() == StatusCode::kCancelled) {
      return tl::unexpected<Status>(event.error());
    }
    if (!event) {
      ended_ = true;
      const Status& status = event.error();
      return codec::encode_frame("ERROR", codec::encode_failure(status, {}));
    }
    return frame_of(*event);
  }

 private:
  std::string key_of(const Resource& object) const {
    return object.meta.ns + "/" + object.meta.name;
  }

  // Of a watch that starts without a first state nobody knows what its reader has. It is told that
  // an object is gone once too often rather than never.
  void note_present() {
    if (selection_.fixed()) {
      return;
    }
    const Result<ObjectList> list = state_.store.list(kind_);
    for (const ResourcePtr& object : list ? list->items : std::vector<ResourcePtr>()) {
      const bool changed_since = object->meta.resource_version > plan_.from;
      if (changed_since || selection_.matches(*object)) {
        matched_.insert(key_of(*object));
      }
    }
  }

  std::string first_piece() {
    std::string text;
    for (const std::size_t stop = std::min(at_ + kPiece, plan_.first.size()); at_ < stop; ++at_) {
      if (selection_.matches(*plan_.first[at_])) {
        text += frame("ADDED", *plan_.first[at_]);
      }
    }
    return text;
  }

  std::string frame_of(const WatchEvent& event) {
    const Resource& object = *event.object;
    version_ = std::max(version_, object.meta.resource_version);
    const bool gone = event.type == WatchEvent::Type::kDeleted;
    const bool matches = selection_.matches(object);
    if (selection_.fixed()) {
      return matches ? frame(frame_type(event.type), object) : std::string();
    }
    const bool known = matched_.contains(key_of(object));
    if (matches && !gone) {
      matched_.insert(key_of(object));
      return frame(known ? "MODIFIED" : "ADDED", object);
    }
    matched_.erase(key_of(object));
    return known ? frame("DELETED", object) : std::string();
  }

  std::string frame(std::string_view type, const Resource& object) {
    form_.now = state_.clock.wall_now();
    std::string text =
        codec::encode_frame(type, codec::encode_object(state_.catalog, form_, object));
    form_.headers = false;
    return text;
  }

  // The store's version is taken before the changes up to it are read, so none is skipped.
  std::string bookmark() {
    const Result<ObjectList> now = state_.store.list(kind_, kNoNamespace);
    std::string text;
    for (Result<WatchEvent> event = watch_->next(Duration::zero(), {}); event;
         event = watch_->next(Duration::zero(), {})) {
      text += frame_of(*event);
    }
    version_ = std::max(version_, now ? now->resource_version : version_);
    const MonoTime last = end_ - kLastBookmark;
    const MonoTime time = state_.clock.now();
    bookmark_ = time >= last ? MonoTime::max() : std::min(time + kBookmarkEvery, last);
    return text + codec::encode_bookmark(form_, to_string(kind_), kApiVersion, version_, false);
  }

  ServiceState& state_;
  const Kind kind_;
  const Selection selection_;
  codec::AnswerForm form_;
  const std::unique_ptr<ObjectWatch> watch_;
  WatchPlan plan_;
  const MonoTime end_;
  MonoTime bookmark_;
  std::int64_t version_;
  std::size_t at_ = 0;
  bool ended_ = false;
  std::unordered_set<std::string> matched_;  // unless the selection is fixed
};

Result<WatchPlan> plan_of(ServiceState& state, const Call& call) {
  ASSIGN_OR_RETURN(const WatchQuery wanted, watch_query(call.query));
  WatchPlan plan{wanted, {}};
  if (!plan.state_first && plan.from != 0) {
    return plan;
  }
  ASSIGN_OR_RETURN(ObjectList list, state.store.list(call.target.kind));
  if (plan.from > list.resource_version) {
    return error(StatusCode::kDeadlineExceeded, "Too large resource version", "Timeout");
  }
  plan.from = list.resource_version;
  if (plan.state_first) {
    plan.first = std::move(list.items);
  }
  return plan;
}

}  // namespace

ServedResponse serve_watch(ServiceState& state, const Call& call) {
  std::string fields = text_of(call.query, "fieldSelector");
  if (!call.target.name.empty()) {
    fields += (fields.empty() ? "" : ",") + ("metadata.name=" + call.target.name);
  }
  Selection selection(state.catalog, call.target.ns);
  const Status selected =
      selection.select(call.target.kind, text_of(call.query, "labelSelector"), fields);
  if (!selected.ok()) {
    return failure(selected);
  }
  Result<WatchPlan> plan = plan_of(state, call);
  if (!plan) {
    return failure(plan.error());
  }
  Result<std::unique_ptr<ObjectWatch>> watch = state.store.watch(call.target.kind, plan->from);
  ServedResponse response;
  if (!watch) {
    // As the real server does: 200 and an ERROR frame.
    response.body = codec::encode_frame("ERROR", codec::encode_failure(watch.error(), {}));
    return response;
  }
  response.stream =
      std::make_unique<WatchBody>(state, call.target.kind, std::move(selection),
                                  form_of(call.request, call.query, state.clock.wall_now()),
                                  *std::move(watch), *std::move(plan));
  return response;
}

}  // namespace ripcord::apiserver
