// SPDX-License-Identifier: Apache-2.0
#pragma once
// Private to the adapter: what the topics of the resource API (reading, watching, writing,
// documents) share, and how each of them answers. Thread-safe; the store, the clock and the events
// must outlive it.

#include "adapters/apiserver/event_ring.h"
#include "adapters/apiserver/namespaces.h"
#include "adapters/apiserver/request.h"
#include "adapters/apiserver/snapshots.h"
#include "controller/codec/api_answer.h"
#include "controller/ports/object_store.h"

#include <string>
#include <utility>

namespace ripcord::apiserver {

struct ServiceState {
  ServiceState(ObjectStore& with_store, const Clock& with_clock, codec::ApiCatalog with_catalog,
               std::string with_version, const EventRing* with_events)
      : store(with_store),
        clock(with_clock),
        catalog(std::move(with_catalog)),
        open_api(codec::open_api(catalog)),
        version(std::move(with_version)),
        none(with_clock),
        events(with_events == nullptr ? none : *with_events),
        namespaces(with_store, with_clock),
        snapshots(with_store, with_clock) {}

  ObjectStore& store;
  const Clock& clock;
  const codec::ApiCatalog catalog;
  const codec::OpenApi open_api;
  const std::string version;
  const EventRing none;
  const EventRing& events;
  Namespaces namespaces;
  Snapshots snapshots;
};

// One request, taken apart.
struct Call {
  const ServedRequest& request;
  Query query;
  Target target;
};

ServedResponse answer(int code, std::string body);
ServedResponse failure(const Status& status, const Target& target = {},
                       codec::FailureDetails details = {});
// Of a store's status, in the words of Kubernetes: "featureflags.ripcord.dev "a" not found".
ServedResponse store_failure(const Status& status, const Target& target);

ServedResponse serve_get(ServiceState& state, const Call& call);
ServedResponse serve_list(ServiceState& state, const Call& call);
ServedResponse serve_watch(ServiceState& state, const Call& call);
ServedResponse serve_create(ServiceState& state, const Call& call);
ServedResponse serve_put(ServiceState& state, const Call& call);
ServedResponse serve_patch(ServiceState& state, const Call& call);
ServedResponse serve_delete(ServiceState& state, const Call& call);
ServedResponse serve_delete_collection(ServiceState& state, const Call& call);

// Events and namespaces; nothing when the path is none of them.
std::optional<ServedResponse> serve_feeds(ServiceState& state, const ServedRequest& request,
                                          const std::vector<std::string>& segments);
// Those, discovery, OpenAPI, health, version; nothing when the path is none of them.
std::optional<ServedResponse> serve_document(ServiceState& state, const ServedRequest& request,
                                             const std::vector<std::string>& segments);

}  // namespace ripcord::apiserver
