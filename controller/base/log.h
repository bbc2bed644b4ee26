// SPDX-License-Identifier: Apache-2.0
#pragma once
// Structured log lines: one message, ordered key=value fields. A `LogSink` writes whole lines and
// is safe for concurrent use; a `Logger` is a cheap copyable value that carries fields (object key,
// generation, reconcile id) into every line. Secrets never become a field: pass names of secrets,
// not their content.

#include "controller/base/clock.h"

#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ripcord {

enum class LogLevel { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

struct LogField {
  std::string key;
  std::string value;
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void write(LogLevel level, std::string_view message,
                     const std::vector<LogField>& fields) = 0;
};

// One line a call to `out`, which must outlive the sink; lines below `threshold` are dropped.
std::unique_ptr<LogSink> make_stream_sink(std::ostream& out, LogFormat format, LogLevel threshold,
                                          const Clock& clock);

class Logger {
 public:
  Logger() = default;  // drops everything
  explicit Logger(LogSink& sink) : sink_(&sink) {}
  // A logger that adds one field to every line.
  Logger with(std::string key, std::string value) const;

  void debug(std::string_view message, std::vector<LogField> fields = {}) const;
  void info(std::string_view message, std::vector<LogField> fields = {}) const;
  void warning(std::string_view message, std::vector<LogField> fields = {}) const;
  void error(std::string_view message, std::vector<LogField> fields = {}) const;

 private:
  void write(LogLevel level, std::string_view message, std::vector<LogField> fields) const;
  LogSink* sink_ = nullptr;  // not owned; null drops
  std::vector<LogField> fields_;
};

}  // namespace ripcord
