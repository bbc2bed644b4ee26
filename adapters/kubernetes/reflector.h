// SPDX-License-Identifier: Apache-2.0
#pragma once
// Mirrors the objects of one kind from an API server, as client-go's reflector does
// (tools/cache/reflector.go), with these differences: silence never leads to a list, the wait for a
// streaming list is bounded, and objects that go because their CRD is being removed are not
// reported gone.
//
//            +--> streaming list --(end bookmark)--+
//   start ---+                                     +--> watch --(ended, broken, silent)--> watch
//   from where it was
//            +--> list in pages -------------------+      |
//                     ^                                   |
//                     +------- Expired, unreadable frame -+
//
// Nothing else leads to a list: a server in trouble, by its HTTP status or in an ERROR frame, is
// asked again for the watch from where it was.
// While the server is away or refuses, the mirror keeps what it has; state() says what is wrong.
// run() is for one thread, state() for any. Everything passed in must outlive it.

#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/ports/http_client.h"
#include "controller/ports/metrics.h"
#include "controller/ports/object_store.h"
#include "controller/ports/stored_object.h"

#include <cstdint>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

namespace ripcord::kubernetes {

// Called by the thread of one reflector. Versions never go back, but for a server that lost its
// own.
class MirrorSink {
 public:
  virtual ~MirrorSink() = default;
  // All objects there are, packed, as of `version`.
  virtual void replace(std::vector<StoredObject> objects, std::int64_t version) = 0;
  virtual void apply(WatchEvent event) = 0;
  // Nothing else changed up to `version`.
  virtual void advance(std::int64_t version) = 0;
};

struct ReflectorOptions {
  std::string server;  // "https://10.0.0.1:443", without a path
  Kind kind = Kind::kFeatureFlag;
  std::string ns;                               // empty = all namespaces
  Duration silence = std::chrono::seconds(90);  // then the watch is taken up again
  Duration list_wait =
      std::chrono::seconds(30);  // for the end of a streaming list, then list in pages
  Duration first_retry = std::chrono::milliseconds(800);  // doubles, with jitter
  Duration last_retry = std::chrono::seconds(30);
  bool watches_crd = true;  // the server is a cluster's: it has CustomResourceDefinitions
  std::uint32_t seed = std::random_device{}();
};

class Reflector {
 public:
  Reflector(HttpClient& client, HttpStreamClient& streams, ReflectorOptions options,
            MirrorSink& sink, Clock& clock, MetricSink& metrics, Logger log);

  // Until `stop`.
  void run(const std::stop_token& stop);

  struct State {
    bool synced = false;  // the first list is complete
    Status problem;       // why it does not follow now, and what a person can do; ok when it does
  };
  State state() const;

 private:
  struct Stream;
  Status load(const std::stop_token& stop);
  Status list_pages(const std::stop_token& stop);
  Status stream(bool initial, const std::stop_token& stop);
  Status take_frame(Stream& stream, std::string_view line);
  void deliver(WatchEvent event);
  bool crd_is_going();
  Duration retry_delay();
  void note(const Status& status);
  void replace(std::vector<StoredObject> objects, std::int64_t version);
  void unreadable(const Status& why);
  Status refusal(const HttpResponse& response) const;

  HttpClient& client_;
  HttpStreamClient& streams_;
  const ReflectorOptions options_;
  MirrorSink& sink_;
  Clock& clock_;
  MetricSink& metrics_;
  const Logger log_;
  // Of the running thread alone.
  std::minstd_rand random_;
  bool listed_ = false;
  bool streaming_list_ = true;           // until the server says that it knows none
  bool streaming_list_useless_ = false;  // the last one: list in pages at once
  std::string list_reason_ = "start";
  std::int64_t version_ = 0;
  int failures_ = 0;
  MonoTime crd_asked_{};
  bool crd_going_ = false;
  bool deletions_held_ = false;
  mutable Mutex mutex_;
  State state_ GUARDED_BY(mutex_);
};

}  // namespace ripcord::kubernetes
