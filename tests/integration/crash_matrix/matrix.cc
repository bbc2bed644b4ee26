// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/crash_matrix/matrix.h"

#include "controller/base/crc32.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord {
namespace {

constexpr std::size_t kReportBytes = 4096;
constexpr std::size_t kShown = 20;  // differing lines of either side

std::multiset<std::string> lines_of(const std::string& text) {
  std::multiset<std::string> lines;
  std::istringstream all(text);
  for (std::string line; std::getline(all, line);) {
    lines.insert(line);
  }
  return lines;
}

int code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Every run begins with these; one kill at each is enough.
bool opens_a_run(std::string_view point) {
  return point.find("locking") != std::string_view::npos ||
         point.find("creating tables") != std::string_view::npos;
}

}  // namespace

bool whole_matrix() {
  const char* wanted = std::getenv("RIPCORD_CRASH_MATRIX");
  return wanted != nullptr && std::string_view(wanted) == "full";
}

std::uint32_t matrix_seed() {
  static const std::uint32_t seed = [] {
    const char* given = std::getenv("RIPCORD_CRASH_SEED");
    const std::uint32_t chosen = given != nullptr
                                     ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                     : std::random_device{}();
    fmt::print("RIPCORD_CRASH_SEED={}\n", chosen);
    std::fflush(stdout);
    return chosen;
  }();
  return seed;
}

bool sampled(std::string_view text, int percent) {
  if (whole_matrix() || percent >= 100) {
    return true;
  }
  Crc32 crc;
  crc.update(std::to_string(matrix_seed()));
  crc.update(text);
  return crc.value() % 100 < static_cast<std::uint32_t>(percent);
}

std::mt19937& matrix_random() {
  static std::mt19937 random(matrix_seed());
  return random;
}

std::vector<int> legs(int from, int to) {
  constexpr int kLeg = 3;
  std::vector<int> all;
  for (int at = from; at != to;) {
    at = to > from ? std::min(at + kLeg, to) : std::max(at - kLeg, to);
    all.push_back(at);
  }
  return all;
}

int exit_code_of(const Harness& harness) {
  const std::string verdict = harness.verdict();
  if (verdict == "Ready") {
    return kConverged;
  }
  if (verdict.rfind("ConnectionLost", 0) == 0 || verdict.rfind("ConnectFailed", 0) == 0) {
    return kInterrupted;
  }
  fmt::print(stderr, "controller: {}\n", verdict);
  return kRefused;
}

pid_t start_forked(const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int code = ::getppid() == parent ? body() : kRefused;
    std::fflush(nullptr);
    ::_exit(code);
  }
  return pid;
}

int wait_forked(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return code_of(status);
}

std::optional<int> ended(pid_t pid) {
  int status = 0;
  return ::waitpid(pid, &status, WNOHANG) == pid ? std::optional(code_of(status)) : std::nullopt;
}

std::string differences(const std::string& want, const std::string& got) {
  const auto wanted = lines_of(want);
  const auto found = lines_of(got);
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  std::set_difference(wanted.begin(), wanted.end(), found.begin(), found.end(),
                      std::back_inserter(missing));
  std::set_difference(found.begin(), found.end(), wanted.begin(), wanted.end(),
                      std::back_inserter(extra));
  std::string text;
  const auto tell = [&](const std::vector<std::string>& these, std::string_view mark) {
    for (std::size_t i = 0; i < std::min(these.size(), kShown); ++i) {
      text += fmt::format("{} {}\n", mark, these[i]);
    }
    text += these.size() > kShown ? fmt::format("{} {} lines in all\n", mark, these.size()) : "";
  };
  tell(missing, "-");
  tell(extra, "+");
  return text;
}

PointKiller::PointKiller(std::function<std::string()> committed, int percent)
    : committed_(std::move(committed)),
      percent_(percent),
      report_(static_cast<char*>(::mmap(nullptr, kReportBytes, PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}

PointKiller::~PointKiller() {
  ::munmap(report_, kReportBytes);
}

void PointKiller::pass(std::string_view point) {
  const std::string now = committed_();
  if (now != state_) {
    passed_.clear();
    state_ = now;
  }
  const std::string place =
      opens_a_run(point) ? std::string(point)
                         : fmt::format("{} | {} {}", now, point, ++passed_[std::string(point)]);
  if (killed_.contains(place) || !sampled(place, percent_)) {
    return;
  }
  std::strncpy(report_, place.c_str(), kReportBytes - 1);
  ::raise(SIGKILL);
}

void PointKiller::remember() {
  killed_.insert(report_);
}

}  // namespace ripcord
