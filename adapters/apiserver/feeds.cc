// SPDX-License-Identifier: Apache-2.0
// Events and namespaces.
#include "adapters/apiserver/feed_service.h"
#include "adapters/apiserver/selector.h"
#include "controller/codec/api_events.h"

#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

using Segments = std::vector<std::string>;
using codec::ApiEvent;
using codec::ApiNamespace;

struct EventPlace {
  bool core = true;
  std::string ns;
  std::string name;
};

// [api, v1, (namespaces, NS,) events(, NAME)] or the same below apis/events.k8s.io/v1.
std::optional<EventPlace> event_place(const Segments& segments) {
  EventPlace place;
  std::size_t at = 0;
  if (segments.size() > 2 && segments[0] == "api" && segments[1] == "v1") {
    at = 2;
  } else if (segments.size() > 3 && segments[0] == "apis" && segments[1] == "events.k8s.io" &&
             segments[2] == "v1") {
    at = 3;
    place.core = false;
  } else {
    return std::nullopt;
  }
  if (segments.size() > at + 2 && segments[at] == "namespaces") {
    place.ns = segments[at + 1];
    at += 2;
  }
  if (segments[at] != "events" || segments.size() > at + 2) {
    return std::nullopt;
  }
  place.name = segments.size() > at + 1 ? segments[at + 1] : "";
  return place;
}

bool holds(const FieldTerm& term, const std::string& value) {
  return (value == term.value) == term.equal;
}

Status unknown_field(const FieldTerm& term) {
  return {StatusCode::kInvalidArgument, fmt::format("field label not supported: {}", term.field),
          "BadRequest"};
}

// Of the two selectors and the place.
Result<std::function<bool(const ApiEvent&)>> event_selection(const Query& query,
                                                             const EventPlace& place) {
  ASSIGN_OR_RETURN(const std::vector<FieldTerm> terms,
                   parse_field_selector(text_of(query, "fieldSelector")));
  ASSIGN_OR_RETURN(const LabelSelector labels,
                   LabelSelector::parse(text_of(query, "labelSelector")));
  std::string value;
  for (const FieldTerm& term : terms) {
    if (!codec::event_field({}, term.field, value)) {
      return as_return(unknown_field(term));
    }
  }
  return [terms, place, unlabelled = labels.matches({})](const ApiEvent& event) {
    std::string field;
    return unlabelled && (place.ns.empty() || event.regarding.ns == place.ns) &&
           (place.name.empty() || event.name == place.name) &&
           std::ranges::all_of(terms, [&](const FieldTerm& term) {
             return codec::event_field(event, term.field, field) && holds(term, field);
           });
  };
}

ServedResponse serve_event(ServiceState& state, const ServedRequest& request,
                           const EventPlace& place, const FeedView<ApiEvent>& view) {
  const codec::AnswerForm form = form_of(request, query_of(request.query), state.clock.wall_now());
  const auto all = view.feed.snapshot();
  const auto at = std::ranges::find_if(all.items, view.wanted);
  if (at == all.items.end()) {
    codec::FailureDetails details;
    details.name = place.name;
    details.kind = "events";
    return failure(
        {StatusCode::kNotFound, fmt::format("events \"{}\" not found", place.name), "NotFound"}, {},
        std::move(details));
  }
  return answer(200, view.one(*at, form));
}

ServedResponse serve_events(ServiceState& state, const ServedRequest& request,
                            const EventPlace& place) {
  const Query query = query_of(request.query);
  auto wanted = event_selection(query, place);
  if (!wanted) {
    return failure(wanted.error());
  }
  const bool core = place.core;
  FeedView<ApiEvent> view{
      state.events.feed(),
      [] {},
      *std::move(wanted),
      [core](const ApiEvent& event, const codec::AnswerForm& form) {
        return codec::encode_event(event, core, form);
      },
      [core](const std::vector<ApiEvent>& events, const codec::AnswerForm& form,
             std::int64_t version) { return codec::encode_events(events, core, form, version); },
      "Event",
      core ? "v1" : "events.k8s.io/v1"};
  const bool one = !place.name.empty() && !is_true(query, "watch");
  return one ? serve_event(state, request, place, view)
             : serve_feed(state, request, std::move(view));
}

Result<std::function<bool(const ApiNamespace&)>> namespace_selection(const Query& query,
                                                                     const std::string& name) {
  ASSIGN_OR_RETURN(const std::vector<FieldTerm> terms,
                   parse_field_selector(text_of(query, "fieldSelector")));
  ASSIGN_OR_RETURN(const LabelSelector labels,
                   LabelSelector::parse(text_of(query, "labelSelector")));
  for (const FieldTerm& term : terms) {
    if (term.field != "metadata.name" && term.field != "status.phase") {
      return as_return(unknown_field(term));
    }
  }
  return [terms, labels, name](const ApiNamespace& one) {
    return (name.empty() || one.name == name) && labels.matches(codec::labels_of(one)) &&
           std::ranges::all_of(terms, [&](const FieldTerm& term) {
             return holds(term, term.field == "metadata.name" ? one.name : "Active");
           });
  };
}

ServedResponse serve_namespaces(ServiceState& state, const ServedRequest& request,
                                const std::string& name) {
  const Query query = query_of(request.query);
  if (!name.empty() && !is_true(query, "watch")) {
    // Any may be used without being made first, so each is there; kubectl asks when an object is
    // not.
    state.namespaces.look();
    return answer(200, codec::encode_namespace(state.namespaces.named(name),
                                               form_of(request, query, state.clock.wall_now())));
  }
  auto wanted = namespace_selection(query, name);
  if (!wanted) {
    return failure(wanted.error());
  }
  return serve_feed(
      state, request,
      FeedView<ApiNamespace>{state.namespaces.feed(), [&state] { state.namespaces.look(); },
                             *std::move(wanted), codec::encode_namespace, codec::encode_namespaces,
                             "Namespace", "v1"});
}

}  // namespace

std::optional<ServedResponse> serve_feeds(ServiceState& state, const ServedRequest& request,
                                          const Segments& segments) {
  if (const std::optional<EventPlace> place = event_place(segments)) {
    return serve_events(state, request, *place);
  }
  if (segments.size() >= 3 && segments.size() <= 4 && segments[0] == "api" && segments[1] == "v1" &&
      segments[2] == "namespaces") {
    return serve_namespaces(state, request, segments.size() == 4 ? segments[3] : "");
  }
  return std::nullopt;
}

}  // namespace ripcord::apiserver
