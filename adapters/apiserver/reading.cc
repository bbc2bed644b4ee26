// SPDX-License-Identifier: Apache-2.0
// GET of one object and of lists.
#include "adapters/apiserver/selector.h"
#include "adapters/apiserver/service_state.h"

#include <algorithm>
#include <charconv>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

// No object of any kind is in it: a list of it is only the version.
constexpr const char* kNoNamespace = "-";

Status bad_request(std::string message) {
  return {StatusCode::kInvalidArgument, std::move(message), "BadRequest"};
}

ServedResponse too_new(const Target& target, std::int64_t asked, std::int64_t current) {
  codec::FailureDetails details;
  details.retry_after_seconds = 1;
  details.causes = {{"ResourceVersionTooLarge", "Too large resource version", ""}};
  Target anything = target;
  anything.name.clear();
  return failure(
      {StatusCode::kDeadlineExceeded,
       fmt::format("Too large resource version: {}, current: {}", asked, current), "Timeout"},
      anything, std::move(details));
}

// Where a list goes on: after an object, in the snapshot of a version. Version 0: in the present.
struct Position {
  std::int64_t version = 0;
  std::string ns;
  std::string name;
};

std::string token_of(const Position& at) {
  return fmt::format("v1:{}:{}/{}", at.version, at.ns, at.name);
}

Result<Position> position_of(std::string_view token) {
  const auto refuse = [] { return as_return(bad_request("continue key is not valid")); };
  if (!token.starts_with("v1:")) {
    return refuse();
  }
  token.remove_prefix(3);
  Position at;
  const auto [end, failed] = std::from_chars(token.data(), token.data() + token.size(), at.version);
  const std::string_view rest = token.substr(static_cast<std::size_t>(end - token.data()));
  const std::size_t slash = rest.find('/');
  if (failed != std::errc() || !rest.starts_with(':') || slash == std::string_view::npos) {
    return refuse();
  }
  at.ns = rest.substr(1, slash - 1);
  at.name = rest.substr(slash + 1);
  return at;
}

struct ListQuery {
  std::int64_t limit = 0;
  std::int64_t version = 0;
  std::string match;
  std::optional<Position> position;
};

Result<ListQuery> list_query(const Query& query) {
  ListQuery wanted;
  ASSIGN_OR_RETURN(wanted.limit, number_of(query, "limit", 0));
  ASSIGN_OR_RETURN(wanted.version, number_of(query, "resourceVersion", 0));
  wanted.match = text_of(query, "resourceVersionMatch");
  const std::string token = text_of(query, "continue");
  const std::string version = text_of(query, "resourceVersion");
  if (!wanted.match.empty() && wanted.match != "Exact" && wanted.match != "NotOlderThan") {
    return as_return(bad_request("resourceVersionMatch is Exact or NotOlderThan"));
  }
  if (!wanted.match.empty() && version.empty()) {
    return as_return(
        bad_request("resourceVersionMatch is forbidden unless resourceVersion is provided"));
  }
  if (wanted.match == "Exact" && wanted.version == 0) {
    return as_return(
        bad_request("resourceVersionMatch \"Exact\" is forbidden for resourceVersion \"0\""));
  }
  if (!token.empty()) {
    if (!version.empty() && version != "0") {
      return as_return(
          bad_request("specifying resource version is not allowed when using continue"));
    }
    ASSIGN_OR_RETURN(wanted.position, position_of(token));
  }
  return wanted;
}

std::optional<std::string> namespace_of(const Target& target) {
  return target.ns.empty() ? std::nullopt : std::optional(target.ns);
}

Result<ObjectList> snapshot_for(ServiceState& state, const Target& target,
                                const ListQuery& wanted) {
  const std::int64_t version = wanted.position           ? wanted.position->version
                               : wanted.match == "Exact" ? wanted.version
                                                         : 0;
  return version == 0 ? state.store.list(target.kind, namespace_of(target))
                      : state.snapshots.at(target.kind, namespace_of(target), version);
}

// Leaves of `items` what comes after `position`, at most `limit`; says what the next page is.
codec::ListPage cut(std::vector<ResourcePtr>& items, const ListQuery& wanted, std::int64_t version,
                    bool counted) {
  if (wanted.position) {
    const auto first = std::find_if(items.begin(), items.end(), [&](const ResourcePtr& object) {
      return std::tie(object->meta.ns, object->meta.name) >
             std::tie(wanted.position->ns, wanted.position->name);
    });
    items.erase(items.begin(), first);
  }
  codec::ListPage page;
  page.resource_version = version;
  const auto limit = static_cast<std::size_t>(wanted.limit);
  if (limit > 0 && items.size() > limit) {
    const Metadata& last = items[limit - 1]->meta;
    page.continue_token = token_of({version, last.ns, last.name});
    if (counted) {
      page.remaining = static_cast<std::int64_t>(items.size() - limit);
    }
    items.resize(limit);
  }
  return page;
}

}  // namespace

ServedResponse serve_get(ServiceState& state, const Call& call) {
  const Result<std::int64_t> version = number_of(call.query, "resourceVersion", 0);
  if (!version) {
    return failure(version.error(), call.target);
  }
  const Result<ResourcePtr> object = state.store.get(call.target.key());
  if (*version > 0) {
    const Result<ObjectList> now = state.store.list(call.target.kind, kNoNamespace);
    if (now && *version > now->resource_version) {
      return too_new(call.target, *version, now->resource_version);
    }
  }
  if (!object) {
    return store_failure(object.error(), call.target);
  }
  const codec::AnswerForm form = form_of(call.request, call.query, state.clock.wall_now());
  return answer(200, codec::encode_object(state.catalog, form, **object));
}

ServedResponse serve_list(ServiceState& state, const Call& call) {
  Selection selection(state.catalog, call.target.ns);
  const Status selected = selection.select(call.target.kind, text_of(call.query, "labelSelector"),
                                           text_of(call.query, "fieldSelector"));
  if (!selected.ok()) {
    return failure(selected);
  }
  const Result<ListQuery> wanted = list_query(call.query);
  if (!wanted) {
    return failure(wanted.error());
  }
  Result<ObjectList> list = snapshot_for(state, call.target, *wanted);
  if (!list) {
    codec::FailureDetails details;
    if (wanted->position) {
      details.continue_token = token_of({0, wanted->position->ns, wanted->position->name});
    }
    const Status expired(list.error().code(), list.error().message(), "Expired");
    return failure(list.error().code() == StatusCode::kExpired ? expired : list.error(), {},
                   std::move(details));
  }
  if (wanted->version > list->resource_version) {
    return too_new(call.target, wanted->version, list->resource_version);
  }
  std::vector<ResourcePtr> items = list->items;
  if (!selection.everything()) {
    std::erase_if(items, [&](const ResourcePtr& object) { return !selection.matches(*object); });
  }
  const codec::ListPage page = cut(items, *wanted, list->resource_version, selection.everything());
  if (!page.continue_token.empty()) {
    state.snapshots.keep(call.target.kind, namespace_of(call.target), *list);
  }
  const codec::AnswerForm form = form_of(call.request, call.query, state.clock.wall_now());
  return answer(200, codec::encode_page(state.catalog, form, call.target.kind, items, page));
}

}  // namespace ripcord::apiserver
