// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/embedded_catalog.h"
#include "adapters/apiserver/resource_service.h"
#include "adapters/embedded/object_store.h"
#include "adapters/http/client.h"
#include "adapters/http/server.h"
#include "adapters/kubernetes/remote_object_store.h"
#include "tests/contract/object_store/object_store_contract.h"
#include "tests/support/process.h"

#include <stdexcept>

namespace ripcord {
namespace {

// The embedded store behind the resource API, seen through the API's client.
class HeldHttpStore final : public StoreUnderTest {
 public:
  explicit HeldHttpStore(std::size_t history) {
    EmbeddedStoreOptions options;
    options.directory = directory_.path() / "data";
    options.history_limit = history;
    auto opened = EmbeddedObjectStore::open(std::move(options), clock_);
    if (!opened) {
      throw std::runtime_error(to_string(opened.error()));
    }
    embedded_ = *std::move(opened);
    service_ = std::make_unique<apiserver::ResourceService>(
        *embedded_, clock_, apiserver::embedded_catalog().value(), "v1.36.0");
    const Result<std::uint16_t> port = server_.listen("127.0.0.1:0", *service_);
    if (!port) {
      throw std::runtime_error(to_string(port.error()));
    }
    remote_ = std::make_unique<kubernetes::RemoteObjectStore>(
        *client_, *streams_, "http://127.0.0.1:" + std::to_string(*port));
  }
  ObjectStore& store() override { return *remote_; }

 private:
  TempDir directory_;
  SystemClock clock_;
  std::unique_ptr<EmbeddedObjectStore> embedded_;
  std::unique_ptr<apiserver::ResourceService> service_;
  http::HttpServer server_;
  std::unique_ptr<HttpClient> client_ = http::make_http_client();
  std::unique_ptr<HttpStreamClient> streams_ = http::make_http_stream_client();
  std::unique_ptr<kubernetes::RemoteObjectStore> remote_;
};

INSTANTIATE_TEST_SUITE_P(
    EmbeddedOverHttp, ObjectStoreContract,
    testing::Values(StoreFactory{
        .name = "http",
        .make = [](std::size_t history) { return std::make_unique<HeldHttpStore>(history); },
        .watches_read_ahead = true}));

}  // namespace
}  // namespace ripcord
