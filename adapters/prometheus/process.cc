// SPDX-License-Identifier: Apache-2.0
#include "adapters/prometheus/process.h"

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

namespace ripcord::prometheus_metrics {
namespace {

std::string metric(std::string_view name, std::string_view type, std::string_view help,
                   double value) {
  return fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type, help, value);
}

// Fields of /proc/self/stat after the command, which may hold spaces: [0] is the state, field 3 of
// proc(5).
std::vector<std::string> stat_fields() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  std::getline(file, line);
  std::vector<std::string> fields;
  if (const std::size_t end = line.rfind(") "); end != std::string::npos) {
    std::istringstream rest(line.substr(end + 2));
    for (std::string field; rest >> field;) {
      fields.push_back(field);
    }
  }
  return fields;
}

double boot_seconds() {
  std::ifstream file("/proc/stat");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("btime ")) {
      return std::stod(line.substr(6));
    }
  }
  return 0;
}

std::string open_files_text() {
  std::error_code failed;
  double open = 0;
  for (std::filesystem::directory_iterator at("/proc/self/fd", failed), end; !failed && at != end;
       at.increment(failed)) {
    ++open;
  }
  rlimit limit{};
  if (failed || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return {};
  }
  return metric("process_open_fds", "gauge", "Number of open file descriptors.", open) +
         metric("process_max_fds", "gauge", "Maximum number of open file descriptors.",
                static_cast<double>(limit.rlim_cur));
}

}  // namespace

std::string process_metrics_text() {
  const std::vector<std::string> stat = stat_fields();
  if (stat.size() < 22) {
    return {};
  }
  const double tick = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const double page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  return metric("process_cpu_seconds_total", "counter",
                "Total user and system CPU time spent in seconds.",
                (std::stod(stat[11]) + std::stod(stat[12])) / tick) +
         metric("process_threads", "gauge", "Number of OS threads.", std::stod(stat[17])) +
         metric("process_start_time_seconds", "gauge",
                "Start time of the process since unix epoch in seconds.",
                boot_seconds() + std::stod(stat[19]) / tick) +
         metric("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.",
                std::stod(stat[20])) +
         metric("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.",
                std::stod(stat[21]) * page) +
         open_files_text();
}

std::string build_info_text(const std::string& version) {
  return fmt::format(
      "# HELP ripcord_build_info What is running; always 1.\n"
      "# TYPE ripcord_build_info gauge\n"
      "ripcord_build_info{{version=\"{}\"}} 1\n",
      version);
}

}  // namespace ripcord::prometheus_metrics
