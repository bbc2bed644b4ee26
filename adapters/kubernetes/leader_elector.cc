// SPDX-License-Identifier: Apache-2.0
#include "adapters/kubernetes/leader_elector.h"

#include "adapters/kubernetes/resource_path.h"
#include "controller/codec/wire.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include <fmt/format.h>

namespace ripcord::kubernetes {
namespace {

// The part of the lease that is kept free of writes at its end, for clocks that run at slightly
// different rates.
constexpr int kMarginPart = 15;
constexpr Duration kGuardTick = std::chrono::milliseconds(50);
constexpr std::array<std::string_view, 1> kNameLabel = {"name"};
constexpr MetricDescriptor kMaster = {"leader_election_master_status",
                                      "1 when this process holds the lease, else 0.",
                                      MetricType::kGauge, kNameLabel};
constexpr MetricDescriptor kSlowPath = {
    "leader_election_slowpath_total",
    "Renewals that had to read the lease first, since the write with the known version failed.",
    MetricType::kCounter, kNameLabel};

Duration boot_time() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

Duration duration_of(const codec::LeaseRecord& record) {
  return std::chrono::seconds(std::max(record.duration_seconds, 1));
}

LeaderElectorOptions completed(LeaderElectorOptions options) {
  if (!options.boot_time) {
    options.boot_time = boot_time;
  }
  return options;
}

}  // namespace

LeaderElector::LeaderElector(HttpClient& client, LeaderElectorOptions options, Clock& clock,
                             MetricSink& metrics, Logger log)
    : client_(client),
      options_(completed(std::move(options))),
      clock_(clock),
      metrics_(metrics),
      log_(std::move(log)),
      random_(options_.seed) {
  metrics_.set(kMaster, {options_.name}, 0);
  metrics_.add(kSlowPath, {options_.name}, 0);
}

LeaderElector::~LeaderElector() {
  release();
}

void LeaderElector::start() {
  campaign_ = std::jthread([this](const std::stop_token& stop) { campaign(stop); });
  guard_ = std::jthread([this](const std::stop_token& stop) { guard(stop); });
}

bool LeaderElector::await_leading(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    MutexLock lock(mutex_);
    changed_.notify_all();
  });
  MutexLock lock(mutex_);
  while (!leading_ && !stop.stop_requested()) {
    changed_.wait(mutex_);
  }
  return leading_ && !stop.stop_requested();
}

void LeaderElector::await_loss(const std::stop_token& stop) {
  const std::stop_callback wake(stop, [this] {
    MutexLock lock(mutex_);
    changed_.notify_all();
  });
  MutexLock lock(mutex_);
  while (leading_ && !stop.stop_requested()) {
    changed_.wait(mutex_);
  }
}

Duration LeaderElector::left() const {
  const Duration now = options_.boot_time();
  MutexLock lock(mutex_);
  return leading_ ? valid_until_ - now : Duration::zero();
}

std::string LeaderElector::leadership() const {
  MutexLock lock(mutex_);
  return leading_ ? leadership_ : std::string();
}

std::string LeaderElector::holder() const {
  MutexLock lock(mutex_);
  return holder_;
}

void LeaderElector::campaign(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Status status = attempt(stop);
    if (!status.ok() && !stop.stop_requested()) {
      log_.warning("the lease could not be taken or renewed",
                   {{"lease", options_.ns + "/" + options_.name}, {"error", to_string(status)}});
    }
    clock_.sleep_for(leading() ? options_.retry : candidate_pause(), stop);
  }
}

// Twice as often as the holder renews, so that a renewal is seen soon, and just when the lease
// ends: what passes between a holder's death and the next one is the lease and little more.
Duration LeaderElector::candidate_pause() {
  const Duration pause = options_.retry / 2 + options_.retry * (random_() % 100) / 1000;
  if (seen_.holder.empty() || seen_.holder == options_.identity) {
    return pause;
  }
  const Duration end = seen_at_ + duration_of(seen_) + std::chrono::milliseconds(1);
  return std::clamp<Duration>(end - options_.boot_time(), std::chrono::milliseconds(1), pause);
}

// Looks at the time alone: neither a request that hangs nor a thread that is held up delays the
// end.
void LeaderElector::guard(const std::stop_token& stop) {
  while (clock_.sleep_for(std::min(kGuardTick, options_.retry / 4), stop)) {
    const Duration now = options_.boot_time();
    bool late = false;
    {
      MutexLock lock(mutex_);
      late = leading_ && now - renewed_ >= options_.renew_deadline;
    }
    if (late) {
      step_down("the lease was not renewed in time");
    }
  }
}

Status LeaderElector::attempt(const std::stop_token& stop) {
  const Duration now = options_.boot_time();
  if (!ours_certain_) {
    HttpRequest request;
    request.url = path() + "/" + escaped(options_.name);
    request.timeout = std::max<Duration>(std::chrono::seconds(1), options_.renew_deadline / 2);
    ASSIGN_OR_RETURN(const HttpResponse response, client_.send(request, stop));
    if (response.status == 404) {
      saw({});
    } else if (response.status / 100 != 2) {
      return codec::decode_status(response.status, response.body);
    } else {
      ASSIGN_OR_RETURN(const codec::LeaseRecord record, codec::decode_lease(response.body));
      saw(record);
    }
  }
  const bool mine = seen_.holder == options_.identity;
  const bool free = seen_.holder.empty() || now - seen_at_ >= duration_of(seen_);
  if (!mine && !free) {
    if (leading()) {
      step_down(fmt::format("the lease is held by {}", seen_.holder));
    }
    return ok_status();
  }
  codec::LeaseRecord wanted = seen_;
  const WallTime wall = clock_.wall_now();
  wanted.holder = options_.identity;
  wanted.duration_seconds =
      static_cast<int>(std::chrono::ceil<std::chrono::seconds>(options_.lease).count());
  wanted.renewed = wall;
  if (!mine) {
    wanted.acquired = wall;
    wanted.transitions = seen_.resource_version.empty() ? 0 : seen_.transitions + 1;
  }
  return write(wanted, options_.boot_time(), stop);
}

Status LeaderElector::write(const codec::LeaseRecord& wanted, Duration sent,
                            const std::stop_token& stop) {
  const bool creates = wanted.resource_version.empty();
  HttpRequest request;
  request.method = creates ? "POST" : "PUT";
  request.url = creates ? path() : path() + "/" + escaped(options_.name);
  request.headers["content-type"] = "application/json";
  request.body = codec::encode_lease(options_.ns, options_.name, wanted);
  request.timeout = std::max<Duration>(std::chrono::seconds(1), options_.renew_deadline / 2);
  const bool was_certain = std::exchange(ours_certain_, false);
  ASSIGN_OR_RETURN(const HttpResponse response, client_.send(request, stop));
  if (response.status / 100 != 2) {
    if (was_certain) {
      metrics_.add(kSlowPath, {options_.name});
    }
    // Somebody was quicker, or the version is old: the next attempt reads first.
    return response.status == 409 ? ok_status()
                                  : codec::decode_status(response.status, response.body);
  }
  ASSIGN_OR_RETURN(const codec::LeaseRecord record, codec::decode_lease(response.body));
  saw(record);
  ours_certain_ = true;
  bool began = false;
  {
    MutexLock lock(mutex_);
    renewed_ = sent;
    valid_until_ = sent + options_.lease - options_.lease / kMarginPart;
    // An answer that came too late must not bring a lost leadership back for an instant.
    const bool in_time = options_.boot_time() - sent < options_.renew_deadline;
    began = in_time && !leading_;
    leadership_ = fmt::format("{}/{}", options_.identity, record.transitions);
    leading_ = leading_ || in_time;
    changed_.notify_all();
  }
  if (began) {
    metrics_.set(kMaster, {options_.name}, 1);
    log_.info("leading", {{"lease", options_.ns + "/" + options_.name},
                          {"identity", options_.identity},
                          {"transitions", std::to_string(record.transitions)}});
  }
  return ok_status();
}

void LeaderElector::saw(const codec::LeaseRecord& record) {
  if (!(record == seen_) || seen_at_ == Duration{}) {
    seen_at_ = options_.boot_time();
  }
  seen_ = record;
  MutexLock lock(mutex_);
  holder_ = record.holder;
}

void LeaderElector::step_down(const std::string& why) {
  {
    MutexLock lock(mutex_);
    if (!leading_) {
      return;
    }
    leading_ = false;
    changed_.notify_all();
  }
  metrics_.set(kMaster, {options_.name}, 0);
  log_.warning("not leading any more", {{"reason", why}});
}

void LeaderElector::release() {
  if (!campaign_.joinable()) {
    return;
  }
  campaign_ = {};  // stopped and joined
  guard_ = {};
  bool led = false;
  {
    MutexLock lock(mutex_);
    led = std::exchange(leading_, false);
    changed_.notify_all();
  }
  metrics_.set(kMaster, {options_.name}, 0);
  if (!led || seen_.holder != options_.identity) {
    return;
  }
  codec::LeaseRecord given_up = seen_;
  given_up.holder.clear();
  given_up.duration_seconds = 1;
  given_up.renewed = clock_.wall_now();
  HttpRequest request;
  request.method = "PUT";
  request.url = path() + "/" + escaped(options_.name);
  request.headers["content-type"] = "application/json";
  request.body = codec::encode_lease(options_.ns, options_.name, given_up);
  request.timeout = std::chrono::seconds(5);
  const Result<HttpResponse> response = client_.send(request);
  if (response && response->status / 100 == 2) {
    log_.info("the lease is released");
  } else {
    log_.warning("the lease could not be released; the next leader waits for its end");
  }
}

std::string LeaderElector::path() const {
  return fmt::format("{}/apis/coordination.k8s.io/v1/namespaces/{}/leases", options_.server,
                     escaped(options_.ns));
}

}  // namespace ripcord::kubernetes
