// SPDX-License-Identifier: Apache-2.0
#include "controller/runtime/control_loop.h"

#include "controller/base/time_text.h"
#include "controller/runtime/metrics.h"

#include <algorithm>
#include <exception>

#include <fmt/format.h>

namespace ripcord {
namespace {

// SplitMix64's finalizer: turns a counter into bits that look unrelated.
std::uint64_t scramble(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

const Status* failure_of(const Outcome& outcome) {
  if (const auto* stalled = std::get_if<Stalled>(&outcome)) {
    return &stalled->cause;
  }
  const auto* requeue = std::get_if<RequeueAfter>(&outcome);
  return requeue != nullptr && !requeue->cause.ok() ? &requeue->cause : nullptr;
}

}  // namespace

ControlLoop::ControlLoop(ControlLoopOptions options, const ObjectReader& store,
                         Reconciler& reconciler, MetricSink& metrics, Clock& clock, Logger log)
    : options_(options),
      name_(snake_name(options.kind)),
      reconciler_(reconciler),
      metrics_(metrics),
      clock_(clock),
      log_(log.with("controller", name_)),
      queue_(name_, options.queue, clock, metrics),
      feed_(options.kind, store, queue_, clock, log_),
      ids_(options.queue.seed * 0x9e3779b97f4a7c15U) {
  publish_zeros();
}

ControlLoop::~ControlLoop() {
  queue_.shut_down(WorkQueueCore::Shutdown::kDrop);
}

void ControlLoop::start() {
  {
    MutexLock lock(mutex_);
    running_ = options_.workers + 1;
  }
  const auto thread = [this](auto body) {
    threads_.emplace_back([this, body](const std::stop_token& stop) {
      body(stop);
      MutexLock lock(mutex_);
      --running_;
      returned_.notify_all();
    });
  };
  thread([this](const std::stop_token& stop) { feed_.run(stop); });
  for (int i = 0; i < options_.workers; ++i) {
    thread([this](const std::stop_token& stop) { work(stop); });
  }
}

bool ControlLoop::stop(Duration bound) {
  queue_.shut_down(WorkQueueCore::Shutdown::kDrop);
  for (std::jthread& thread : threads_) {
    thread.request_stop();
  }
  const auto deadline = std::chrono::steady_clock::now() + bound;
  {
    MutexLock lock(mutex_);
    while (running_ > 0) {
      if (!returned_.wait_until(mutex_, deadline) && running_ > 0) {
        return false;
      }
    }
  }
  threads_.clear();
  return true;
}

void ControlLoop::revisit() {
  for (const auto& [key, generation] : feed_.known()) {
    queue_.add(key, Priority::kLow, generation);
  }
}

void ControlLoop::revisit(const ObjectKey& key, Priority priority, Duration delay) {
  if (!feed_.knows(key)) {
    return;
  }
  if (delay > Duration::zero()) {
    queue_.add_after(key, delay, priority);
  } else {
    queue_.add(key, priority, 0);
  }
}

LoopHealth ControlLoop::health() const {
  const ObjectFeed::State feed = feed_.state();
  LoopHealth health;
  health.kind = options_.kind;
  health.synced = feed.synced;
  health.watch_error = feed.error;
  health.objects = feed.objects;
  health.workers = options_.workers;
  MutexLock lock(mutex_);
  health.silence = running_ > 0 ? std::max(clock_.now() - feed.seen, Duration::zero()) : Duration{};
  if (feed.seen == MonoTime{}) {
    health.silence = Duration{};  // just started
  }
  health.busy = busy_;
  health.last_success = last_success_;
  health.last_error = last_error_;
  health.last_error_at = last_error_at_;
  return health;
}

void ControlLoop::work(const std::stop_token& stop) {
  while (const std::optional<QueueItem> item = queue_.get()) {
    run_one(*item, stop);
  }
}

void ControlLoop::run_one(const QueueItem& item, const std::stop_token& stop) {
  std::string id = next_id();
  const std::optional<MonoTime> changed = feed_.take_changed(item.key);
  const ReconcileRequest request{item.key, id, stop,
                                 log_.with("object", to_string(item.key)).with("reconcileID", id),
                                 changed};
  busy(+1);
  const MonoTime started = clock_.now();
  if (changed) {
    metrics_.observe(metric::kWatchLag, {name_},
                     to_seconds(std::max(started - *changed, Duration::zero())));
  }
  const Outcome outcome = fenced_reconcile(request);
  const Duration took = clock_.now() - started;
  busy(-1);
  report(request, item, outcome, took);
  settle(item, outcome, took);
}

Outcome ControlLoop::fenced_reconcile(const ReconcileRequest& request) {
  std::string what = "an exception of unknown type";
  try {
    return reconciler_.reconcile(request);
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {  // a strategy or a library may throw anything; the loop goes on
  }
  metrics_.add(metric::kReconcilePanics, {name_});
  return RequeueAfter{std::nullopt,
                      Status(StatusCode::kInternal, "the reconciler threw: " + what, "Panic")};
}

// Tells the queue when to bring the key back. Deadlines go in before the key is given back, so
// that no moment is without one.
void ControlLoop::settle(const QueueItem& item, const Outcome& outcome, Duration took) {
  const auto* requeue = std::get_if<RequeueAfter>(&outcome);
  if (requeue != nullptr && !requeue->delay) {
    if (requeue->at_most) {
      queue_.add_after(item.key, *requeue->at_most, Priority::kHigh);
    }
    queue_.failed(item.key, took);
    return;
  }
  if (requeue != nullptr) {
    queue_.add_after(item.key, *requeue->delay, item.priority);
  }
  // Also beside a far deadline, such as the end of an override: drift does not wait for it.
  if (options_.resync > Duration::zero() && feed_.knows(item.key)) {
    queue_.add_after(item.key, next_resync(), Priority::kLow);
  }
  queue_.succeeded(item.key, took);
}

void ControlLoop::report(const ReconcileRequest& request, const QueueItem& item,
                         const Outcome& outcome, Duration took) {
  metrics_.add(metric::kReconciles, {name_, to_string(outcome)});
  metrics_.observe(metric::kReconcileTime, {name_}, to_seconds(took));
  const Status* failure = failure_of(outcome);
  std::vector<LogField> fields = {{"generation", fmt::to_string(item.generation)},
                                  {"result", std::string(to_string(outcome))},
                                  {"duration", format_duration(took)}};
  if (failure == nullptr) {
    request.log.debug("reconciled", std::move(fields));
    MutexLock lock(mutex_);
    last_success_ = clock_.wall_now();
    return;
  }
  metrics_.add(metric::kReconcileErrors, {name_});
  if (std::holds_alternative<Stalled>(outcome)) {
    metrics_.add(metric::kTerminalErrors, {name_});
  }
  fields.push_back({"error", to_string(*failure)});
  request.log.warning("reconcile failed", std::move(fields));
  MutexLock lock(mutex_);
  last_error_ = to_string(item.key) + ": " + to_string(*failure);
  last_error_at_ = clock_.wall_now();
}

void ControlLoop::publish_zeros() {
  for (const std::string_view result : metric::kResults) {
    metrics_.add(metric::kReconciles, {name_, result}, 0);
  }
  for (const MetricDescriptor* counter :
       {&metric::kReconcileErrors, &metric::kTerminalErrors, &metric::kReconcilePanics}) {
    metrics_.add(*counter, {name_}, 0);
  }
  metrics_.declare(metric::kReconcileTime, {name_});
  metrics_.declare(metric::kWatchLag, {name_});
  metrics_.set(metric::kMaxConcurrentReconciles, {name_}, options_.workers);
  metrics_.set(metric::kActiveWorkers, {name_}, 0);
}

void ControlLoop::busy(int change) {
  MutexLock lock(mutex_);
  busy_ += change;
  metrics_.set(metric::kActiveWorkers, {name_}, busy_);
}

std::string ControlLoop::next_id() {
  return fmt::format("{:016x}", scramble(ids_.fetch_add(0x9e3779b97f4a7c15U)));
}

Duration ControlLoop::next_resync() {
  const double share = static_cast<double>(scramble(ids_.fetch_add(0x9e3779b97f4a7c15U)) >> 11U) *
                       0x1p-53;  // [0, 1)
  const double factor = 1 + options_.resync_jitter * (2 * share - 1);
  const double seconds =
      std::max(to_seconds(options_.resync),
               static_cast<double>(feed_.state().objects) / options_.most_resyncs);
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds * factor));
}

}  // namespace ripcord
