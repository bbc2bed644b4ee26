// SPDX-License-Identifier: Apache-2.0
// DELETE of one object and of many.
#include "adapters/apiserver/selector.h"
#include "adapters/apiserver/service_state.h"
#include "controller/ports/object_rules.h"

#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

Result<codec::DeleteOptions> options_of(const Call& call) {
  ASSIGN_OR_RETURN(codec::DeleteOptions options, codec::read_delete_options(call.request.body));
  ASSIGN_OR_RETURN(const bool rehearsed, dry_run(call.query));
  options.dry_run = options.dry_run || rehearsed;
  if (options.propagation.empty()) {
    options.propagation = text_of(call.query, "propagationPolicy");
  }
  // Nothing here has dependents, so all three come to the same.
  if (!options.propagation.empty() && options.propagation != "Foreground" &&
      options.propagation != "Background" && options.propagation != "Orphan") {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("DeleteOptions.meta.k8s.io \"\" is invalid: propagationPolicy: "
                             "Unsupported value: \"{}\": supported values: \"Foreground\", "
                             "\"Background\", \"Orphan\"",
                             options.propagation.substr(0, 64)),
                 "Invalid");
  }
  return options;
}

// The object as it is left, with finalizers, or its last state; whether it is gone.
struct Removed {
  ResourcePtr object;
  bool gone = false;
};

Result<Removed> remove(ServiceState& state, const ObjectKey& key,
                       const codec::DeleteOptions& options) {
  ASSIGN_OR_RETURN(const ResourcePtr live, state.store.get(key));
  const Preconditions preconditions{options.uid, options.resource_version};
  if (options.dry_run) {
    const WriteStamp stamp{live->meta.resource_version, state.clock.wall_now(), {}};
    ASSIGN_OR_RETURN(const WriteDecision decision,
                     decide_write(removal_of(key, preconditions), live, stamp));
    return Removed{decision.result, live->meta.finalizers.empty()};
  }
  RETURN_IF_ERROR(state.store.remove(key, preconditions));
  const Result<ResourcePtr> left = state.store.get(key);
  return left && (*left)->meta.uid == live->meta.uid ? Removed{*left, false} : Removed{live, true};
}

}  // namespace

ServedResponse serve_delete(ServiceState& state, const Call& call) {
  const Result<codec::DeleteOptions> options = options_of(call);
  if (!options) {
    return failure(options.error(), call.target);
  }
  const Result<Removed> removed = remove(state, call.target.key(), *options);
  if (!removed) {
    return store_failure(removed.error(), call.target);
  }
  const codec::AnswerForm form = form_of(call.request, call.query, state.clock.wall_now());
  return answer(200, removed->gone ? codec::encode_deleted(*removed->object)
                                   : codec::encode_object(state.catalog, form, *removed->object));
}

ServedResponse serve_delete_collection(ServiceState& state, const Call& call) {
  const Result<codec::DeleteOptions> options = options_of(call);
  Selection selection(state.catalog, call.target.ns);
  const Status selected = selection.select(call.target.kind, text_of(call.query, "labelSelector"),
                                           text_of(call.query, "fieldSelector"));
  if (!options || !selected.ok()) {
    return failure(options ? selected : options.error());
  }
  const Result<ObjectList> list = state.store.list(
      call.target.kind, call.target.ns.empty() ? std::nullopt : std::optional(call.target.ns));
  if (!list) {
    return failure(list.error());
  }
  std::vector<ResourcePtr> deleted;
  for (const ResourcePtr& object : list->items) {
    if (!selection.matches(*object)) {
      continue;
    }
    const Result<Removed> removed = remove(state, object->key(), *options);
    if (removed) {
      deleted.push_back(removed->object);
    } else if (removed.error().code() != StatusCode::kNotFound) {
      Target target = call.target;
      target.ns = object->meta.ns;
      target.name = object->meta.name;
      return store_failure(removed.error(), target);
    }
  }
  codec::ListPage page;
  page.resource_version = list->resource_version;
  const codec::AnswerForm form = form_of(call.request, call.query, state.clock.wall_now());
  return answer(200, codec::encode_page(state.catalog, form, call.target.kind, deleted, page));
}

}  // namespace ripcord::apiserver
