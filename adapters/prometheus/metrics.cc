// SPDX-License-Identifier: Apache-2.0
#include "adapters/prometheus/metrics.h"

#include "controller/base/mutex.h"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace ripcord::prometheus_metrics {
namespace {

constexpr std::size_t kShards = 16;
constexpr char kSeparator = '\x1f';

std::string series_key(const MetricDescriptor& metric, LabelValues values) {
  std::string key;
  key.reserve(128);
  key.append(metric.name);
  for (const std::string_view value : values) {
    key.push_back(kSeparator);
    key.append(value);
  }
  return key;
}

// The serializer writes bytes as they are, and one that is no UTF-8 spoils the whole scrape.
std::string printable(std::string_view value) {
  std::string text(value);
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return text;
}

prometheus::Labels labels_of(const MetricDescriptor& metric, LabelValues values) {
  prometheus::Labels labels;
  const std::string_view* value = values.begin();
  for (const std::string_view name : metric.labels) {
    labels.emplace(std::string(name), printable(*value++));
  }
  return labels;
}

// One kind of instrument: its families by name, and its series, found without the library's lock.
template <class Instrument>
class Instruments {
 public:
  using Family = prometheus::Family<Instrument>;
  using Make = std::function<Instrument&(Family&, const prometheus::Labels&)>;
  using MakeFamily = std::function<Family&(const MetricDescriptor&)>;

  template <class Use>
  void use(const MetricDescriptor& metric, LabelValues values, const MakeFamily& make_family,
           const Make& make, Use&& act) {
    if (values.size() != metric.labels.size()) {
      return;
    }
    std::string key = series_key(metric, values);
    Shard& shard = shard_of(key);
    // Held while the sample is taken, so that remove() cannot free the series under it.
    const MutexLock lock(shard.mutex);
    auto found = shard.series.find(key);
    if (found == shard.series.end()) {
      Instrument* made = nullptr;
      try {
        Family& family = make_family(metric);
        made = &make(family, labels_of(metric, values));
        found = shard.series.emplace(std::move(key), Series{&family, made}).first;
      } catch (const std::exception&) {
        return;  // recording never fails
      }
    }
    act(*found->second.instrument);
  }
  void remove(const MetricDescriptor& metric, LabelValues values) {
    const std::string key = series_key(metric, values);
    Shard& shard = shard_of(key);
    const MutexLock lock(shard.mutex);
    if (const auto found = shard.series.find(key); found != shard.series.end()) {
      found->second.family->Remove(found->second.instrument);
      shard.series.erase(found);
    }
  }

 private:
  struct Series {
    Family* family;
    Instrument* instrument;
  };
  struct Shard {
    Mutex mutex;
    std::unordered_map<std::string, Series> series GUARDED_BY(mutex);
  };
  Shard& shard_of(const std::string& key) {
    return shards_[std::hash<std::string>{}(key) % kShards];
  }
  std::array<Shard, kShards> shards_;
};

}  // namespace

class PrometheusMetrics::Impl {
 public:
  template <class Use>
  void use_counter(const MetricDescriptor& metric, LabelValues labels, Use&& act) {
    using Family = prometheus::Family<prometheus::Counter>;
    counters.use(
        metric, labels,
        [this](const MetricDescriptor& m) -> Family& {
          return family<Family>(prometheus::BuildCounter(), m);
        },
        [](Family& f, const prometheus::Labels& names) -> prometheus::Counter& {
          return f.Add(names);
        },
        std::forward<Use>(act));
  }
  template <class Use>
  void use_gauge(const MetricDescriptor& metric, LabelValues labels, Use&& act) {
    using Family = prometheus::Family<prometheus::Gauge>;
    gauges.use(
        metric, labels,
        [this](const MetricDescriptor& m) -> Family& {
          return family<Family>(prometheus::BuildGauge(), m);
        },
        [](Family& f, const prometheus::Labels& names) -> prometheus::Gauge& {
          return f.Add(names);
        },
        std::forward<Use>(act));
  }
  template <class Use>
  void use_histogram(const MetricDescriptor& metric, LabelValues labels, Use&& act) {
    using Family = prometheus::Family<prometheus::Histogram>;
    histograms.use(
        metric, labels,
        [this](const MetricDescriptor& m) -> Family& {
          return family<Family>(prometheus::BuildHistogram(), m);
        },
        [&metric](Family& f, const prometheus::Labels& names) -> prometheus::Histogram& {
          return f.Add(names, prometheus::Histogram::BucketBoundaries(metric.buckets.begin(),
                                                                      metric.buckets.end()));
        },
        std::forward<Use>(act));
  }

  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  Instruments<prometheus::Counter> counters;
  Instruments<prometheus::Gauge> gauges;
  Instruments<prometheus::Histogram> histograms;

 private:
  template <class Family, class Builder>
  Family& family(Builder builder, const MetricDescriptor& metric) {
    return builder.Name(std::string(metric.name)).Help(std::string(metric.help)).Register(registry);
  }
};

PrometheusMetrics::PrometheusMetrics() : impl_(std::make_unique<Impl>()) {}
PrometheusMetrics::~PrometheusMetrics() = default;

void PrometheusMetrics::declare(const MetricDescriptor& metric, LabelValues labels) {
  switch (metric.type) {
    case MetricType::kCounter:
      return impl_->use_counter(metric, labels, [](prometheus::Counter&) {});
    case MetricType::kGauge:
      return impl_->use_gauge(metric, labels, [](prometheus::Gauge&) {});
    case MetricType::kHistogram:
      return impl_->use_histogram(metric, labels, [](prometheus::Histogram&) {});
  }
}

void PrometheusMetrics::add(const MetricDescriptor& counter, LabelValues labels, double delta) {
  impl_->use_counter(counter, labels,
                     [delta](prometheus::Counter& series) { series.Increment(delta); });
}

void PrometheusMetrics::set(const MetricDescriptor& gauge, LabelValues labels, double value) {
  impl_->use_gauge(gauge, labels, [value](prometheus::Gauge& series) { series.Set(value); });
}

void PrometheusMetrics::observe(const MetricDescriptor& histogram, LabelValues labels,
                                double value) {
  impl_->use_histogram(histogram, labels,
                       [value](prometheus::Histogram& series) { series.Observe(value); });
}

void PrometheusMetrics::remove(const MetricDescriptor& metric, LabelValues labels) {
  if (metric.type == MetricType::kCounter) {
    impl_->counters.remove(metric, labels);
  } else {
    impl_->gauges.remove(metric, labels);
  }
}

std::string PrometheusMetrics::text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace ripcord::prometheus_metrics
