// SPDX-License-Identifier: Apache-2.0
#pragma once
// The shared control plane with our CRDs installed, asked over plain HTTP so that the whole Status
// body is seen. Throws std::runtime_error when it does not answer. One thread at a time.

#include "controller/codec/node.h"
#include "controller/model/kind.h"
#include "tests/support/control_plane.h"

#include <string>
#include <vector>

namespace ripcord {

struct ApiReply {
  int code = 0;
  std::string text;
  codec::Node body;

  // What a refusal names: the causes' fields, and those in the words of a strict decoding error
  // and of an admission policy.
  std::vector<std::string> fields() const;
};

class CrdServer {
 public:
  CrdServer();  // applies crds/ once and waits until they are served

  const ControlPlane& plane() const { return plane_; }
  std::string applied() const { return applied_; }  // what kubectl said
  // Strict about unknown fields. `path` is below /apis/ripcord.dev/v1alpha1/namespaces/default/.
  ApiReply post(Kind kind, const std::string& json, const std::string& query = "") const;
  ApiReply merge_patch(Kind kind, const std::string& path, const std::string& json) const;
  ApiReply get(const std::string& absolute_path) const;

 private:
  ApiReply ask(std::vector<std::string> arguments, const std::string& path,
               const std::string& body) const;

  const ControlPlane& plane_;
  std::string applied_;
};

CrdServer& crd_server();

}  // namespace ripcord
