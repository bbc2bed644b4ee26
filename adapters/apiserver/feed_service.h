// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private to the adapter: list and watch of a Feed, which is events and namespaces.

#include "adapters/apiserver/feed.h"
#include "adapters/apiserver/service_state.h"
#include "adapters/apiserver/watch_query.h"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace ripcord::apiserver {

// What of a feed a request is about, and how it is told.
template <class T>
struct FeedView {
  const Feed<T>& feed;
  std::function<void()> look;  // for changes that nobody tells of
  std::function<bool(const T&)> wanted;
  std::function<std::string(const T&, const codec::AnswerForm&)> one;
  std::function<std::string(const std::vector<T>&, const codec::AnswerForm&, std::int64_t)> all;
  std::string_view kind;
  std::string_view api_version;
};

template <class T>
class FeedBody final : public BodyStream {
 public:
  FeedBody(const Clock& clock, FeedView<T> view, codec::AnswerForm form, const WatchQuery& wanted,
           typename Feed<T>::Snapshot first)
      : clock_(clock),
        view_(std::move(view)),
        form_(form),
        wanted_(wanted),
        first_(std::move(first)),
        version_(wanted.from == 0 || wanted.state_first ? first_.version : wanted.from),
        end_(clock.now() + wanted.time),
        bookmark_(std::min(clock.now() + kBookmarkEvery, end_ - kLastBookmark)) {}

  Result<std::string> next(std::stop_token /*stop*/) override {
    if (std::exchange(begun_, true) == false && wanted_.state_first) {
      return first_state();
    }
    const MonoTime now = clock_.now();
    if (ended_ || now >= end_) {
      return error(StatusCode::kExpired, "the watch's time is over");
    }
    view_.look();
    const auto changes =
        view_.feed.after(version_, std::clamp<Duration>(end_ - now, Duration::zero(), kSlice));
    if (!changes) {
      ended_ = true;
      return codec::encode_frame("ERROR", codec::encode_failure(changes.error(), {}));
    }
    std::string text;
    for (const auto& change : *changes) {
      version_ = change.item.version;
      text += view_.wanted(change.item) ? frame(frame_type(change.type), change.item) : "";
    }
    return text + (wanted_.bookmarks && clock_.now() >= bookmark_ ? bookmark() : "");
  }

 private:
  static constexpr Duration kSlice = std::chrono::milliseconds(200);
  static constexpr Duration kBookmarkEvery = std::chrono::seconds(60);
  static constexpr Duration kLastBookmark = std::chrono::seconds(2);

  std::string first_state() {
    std::string text;
    for (const T& item : first_.items) {
      text += view_.wanted(item) ? frame("ADDED", item) : "";
    }
    first_.items.clear();
    return text + (wanted_.initial_end ? codec::encode_bookmark(form_, view_.kind,
                                                                view_.api_version, version_, true)
                                       : "");
  }
  std::string frame(std::string_view type, const T& item) {
    form_.now = clock_.wall_now();
    std::string text = codec::encode_frame(type, view_.one(item, form_));
    form_.headers = false;
    return text;
  }
  std::string bookmark() {
    const MonoTime last = end_ - kLastBookmark;
    const MonoTime now = clock_.now();
    bookmark_ = now >= last ? MonoTime::max() : std::min(now + kBookmarkEvery, last);
    return codec::encode_bookmark(form_, view_.kind, view_.api_version, version_, false);
  }

  const Clock& clock_;
  const FeedView<T> view_;
  codec::AnswerForm form_;
  const WatchQuery wanted_;
  typename Feed<T>::Snapshot first_;
  std::int64_t version_;
  const MonoTime end_;
  MonoTime bookmark_;
  bool begun_ = false;
  bool ended_ = false;
};

template <class T>
ServedResponse serve_feed(ServiceState& state, const ServedRequest& request, FeedView<T> view) {
  const Query query = query_of(request.query);
  const codec::AnswerForm form = form_of(request, query, state.clock.wall_now());
  view.look();
  auto snapshot = view.feed.snapshot();
  if (!is_true(query, "watch")) {
    std::erase_if(snapshot.items, [&](const T& item) { return !view.wanted(item); });
    return answer(200, view.all(snapshot.items, form, snapshot.version));
  }
  const Result<WatchQuery> wanted = watch_query(query);
  if (!wanted) {
    return failure(wanted.error());
  }
  ServedResponse response;
  response.stream = std::make_unique<FeedBody<T>>(state.clock, std::move(view), form, *wanted,
                                                  std::move(snapshot));
  return response;
}

}  // namespace ripcord::apiserver
