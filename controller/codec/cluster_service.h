// SPDX-License-Identifier: Apache-2.0
#pragma once
// What drivers read of a Service and of its discovery.k8s.io/v1 EndpointSlices, and the one change
// of a Service. Pure functions, thread-safe; answers of another shape are Internal.

#include "controller/base/status.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ripcord::codec {

struct ServiceView {
  std::string uid;
  std::string resource_version;
  std::string leader;  // see leader_mark.h
  std::map<std::string, std::string> selector;
};

struct Endpoint {
  std::string service;   // that it is listed for
  std::string identity;  // the pod's uid, else the address: the same in the slices of two Services
  std::string name;      // the pod's, else the address
  std::string address;   // host:port, or the host alone
  bool ready = false;
};

Result<ServiceView> decode_service(std::string_view body);
// A merge patch of one label of the selector, refused by the server when the Service has another
// version by now.
std::string encode_selector_patch(std::string_view key, std::string_view value,
                                  std::string_view resource_version);

// Of an EndpointSliceList; one entry a pod, also where it has addresses of two families.
Result<std::vector<Endpoint>> decode_endpoints(std::string_view body);

}  // namespace ripcord::codec
