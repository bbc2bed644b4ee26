// SPDX-License-Identifier: Apache-2.0
#pragma once
// The metrics of controller-runtime and client-go's work queue, under their exact names, labels and
// buckets, so that existing dashboards and alerts work. `controller` and `name` are
// snake_name(kind). Constants.

#include "controller/ports/metrics.h"

#include <array>

namespace ripcord::metric {

inline constexpr std::array<std::string_view, 1> kControllerLabel = {"controller"};
inline constexpr std::array<std::string_view, 2> kResultLabels = {"controller", "result"};
inline constexpr std::array<std::string_view, 2> kQueueLabels = {"name", "controller"};
inline constexpr std::array<std::string_view, 3> kDepthLabels = {"name", "controller", "priority"};
// Values of `result`.
inline constexpr std::array<std::string_view, 4> kResults = {"success", "error", "requeue",
                                                             "requeue_after"};

inline constexpr std::array<double, 40> kReconcileBuckets = {
    0.005, 0.01, 0.025, 0.05, 0.1,  0.15, 0.2,  0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6,
    0.7,   0.8,  0.9,   1,    1.25, 1.5,  1.75, 2,    2.5, 3,    3.5, 4,    4.5, 5,
    6,     7,    8,     9,    10,   15,   20,   25,   30,  40,   50,  60};
inline constexpr std::array<double, 12> kQueueBuckets = {1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3,
                                                         1e-2, 1e-1, 1,    10,   100,  1000};

// 100 us to 5 min.
inline constexpr std::array<double, 18> kLagBuckets = {
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
    0.1,    0.25,    0.5,    1,     2.5,    5,     10,   60,    300};

inline constexpr MetricDescriptor kReconciles = {"controller_runtime_reconcile_total",
                                                 "Total number of reconciliations per controller.",
                                                 MetricType::kCounter, kResultLabels};
inline constexpr MetricDescriptor kReconcileErrors = {
    "controller_runtime_reconcile_errors_total",
    "Total number of reconciliation errors per controller.", MetricType::kCounter,
    kControllerLabel};
inline constexpr MetricDescriptor kTerminalErrors = {
    "controller_runtime_terminal_reconcile_errors_total",
    "Total number of terminal reconciliation errors per controller.", MetricType::kCounter,
    kControllerLabel};
inline constexpr MetricDescriptor kReconcilePanics = {
    "controller_runtime_reconcile_panics_total",
    "Total number of reconciliation panics per controller.", MetricType::kCounter,
    kControllerLabel};
inline constexpr MetricDescriptor kReconcileTime = {
    "controller_runtime_reconcile_time_seconds",
    "Length of time per reconciliation per controller.", MetricType::kHistogram, kControllerLabel,
    kReconcileBuckets};
inline constexpr MetricDescriptor kMaxConcurrentReconciles = {
    "controller_runtime_max_concurrent_reconciles",
    "Maximum number of concurrent reconciles per controller.", MetricType::kGauge,
    kControllerLabel};
inline constexpr MetricDescriptor kActiveWorkers = {
    "controller_runtime_active_workers", "Number of currently used workers per controller.",
    MetricType::kGauge, kControllerLabel};

inline constexpr MetricDescriptor kWatchLag = {
    "ripcord_watch_lag_seconds",
    "From the write of an object in the store until a worker took it up.", MetricType::kHistogram,
    kControllerLabel, kLagBuckets};

inline constexpr MetricDescriptor kQueueDepth = {
    "workqueue_depth", "Current depth of workqueue by priority.", MetricType::kGauge, kDepthLabels};
inline constexpr MetricDescriptor kQueueAdds = {"workqueue_adds_total",
                                                "Total number of adds handled by workqueue.",
                                                MetricType::kCounter, kQueueLabels};
inline constexpr MetricDescriptor kQueueRetries = {"workqueue_retries_total",
                                                   "Total number of retries handled by workqueue.",
                                                   MetricType::kCounter, kQueueLabels};
inline constexpr MetricDescriptor kQueueDuration = {
    "workqueue_queue_duration_seconds",
    "How long in seconds an item stays in workqueue before being requested.",
    MetricType::kHistogram, kQueueLabels, kQueueBuckets};
inline constexpr MetricDescriptor kQueueWorkDuration = {
    "workqueue_work_duration_seconds",
    "How long in seconds processing an item from workqueue takes.", MetricType::kHistogram,
    kQueueLabels, kQueueBuckets};
inline constexpr MetricDescriptor kQueueUnfinishedWork = {
    "workqueue_unfinished_work_seconds",
    "How many seconds of work is in progress and has not been observed by work_duration. Large "
    "values indicate stuck threads.",
    MetricType::kGauge, kQueueLabels};
inline constexpr MetricDescriptor kQueueLongestRunning = {
    "workqueue_longest_running_processor_seconds",
    "How many seconds the longest running processor for workqueue has been running.",
    MetricType::kGauge, kQueueLabels};

}  // namespace ripcord::metric
