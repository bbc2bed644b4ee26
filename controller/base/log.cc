// SPDX-License-Identifier: Apache-2.0
#include "controller/base/log.h"

#include "controller/base/time_text.h"

#include <fmt/format.h>

namespace ripcord {
namespace {

std::string_view name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarning:
      return "warning";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

// JSON string escapes; text output uses the same, so that one event is always one line.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

class StreamSink final : public LogSink {
 public:
  StreamSink(std::ostream& out, LogFormat format, LogLevel threshold, const Clock& clock)
      : format_(format), threshold_(threshold), clock_(clock), out_(out) {}

  void write(LogLevel level, std::string_view message,
             const std::vector<LogField>& fields) override {
    if (level < threshold_) {
      return;
    }
    std::string line;
    const std::string time = format_micro_time(clock_.wall_now());
    if (format_ == LogFormat::kJson) {
      line =
          fmt::format(R"({{"time":"{}","level":"{}","msg":{})", time, name(level), quoted(message));
      for (const LogField& field : fields) {
        line += "," + quoted(field.key) + ":" + quoted(field.value);
      }
      line += "}\n";
    } else {
      line = fmt::format(
          "{} {:7} {}", time, name(level),
          message.find('\n') == std::string_view::npos ? std::string(message) : quoted(message));
      for (const LogField& field : fields) {
        const bool plain = field.value.find_first_of(" \"\\\n\r\t=") == std::string::npos;
        line += " " + field.key + "=" +
                (plain && !field.value.empty() ? field.value : quoted(field.value));
      }
      line += "\n";
    }
    MutexLock lock(mutex_);
    out_ << line << std::flush;
  }

 private:
  const LogFormat format_;
  const LogLevel threshold_;
  const Clock& clock_;
  Mutex mutex_;
  std::ostream& out_ GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<LogSink> make_stream_sink(std::ostream& out, LogFormat format, LogLevel threshold,
                                          const Clock& clock) {
  return std::make_unique<StreamSink>(out, format, threshold, clock);
}

Logger Logger::with(std::string key, std::string value) const {
  Logger copy = *this;
  copy.fields_.push_back({std::move(key), std::move(value)});
  return copy;
}

void Logger::write(LogLevel level, std::string_view message, std::vector<LogField> fields) const {
  if (sink_ == nullptr) {
    return;
  }
  fields.insert(fields.begin(), fields_.begin(), fields_.end());
  sink_->write(level, message, fields);
}

void Logger::debug(std::string_view m, std::vector<LogField> f) const {
  write(LogLevel::kDebug, m, std::move(f));
}
void Logger::info(std::string_view m, std::vector<LogField> f) const {
  write(LogLevel::kInfo, m, std::move(f));
}
void Logger::warning(std::string_view m, std::vector<LogField> f) const {
  write(LogLevel::kWarning, m, std::move(f));
}
void Logger::error(std::string_view m, std::vector<LogField> f) const {
  write(LogLevel::kError, m, std::move(f));
}

}  // namespace ripcord
