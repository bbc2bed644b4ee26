// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of real systems need: a temporary directory, a free port, a child process that never
// outlives the test, and waiting for something to become true. Failures abort the test with a
// message (std::runtime_error).

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

namespace ripcord {

// Removed with all its content at the end. World-accessible, so that a server of another user can
// use it.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

void write_file(const std::string& path, const std::string& content);
std::string read_file(const std::string& path);

// A loopback TCP port that nobody listened on a moment ago.
std::uint16_t free_port();

// True as soon as `predicate` is; false when `timeout` passed.
bool eventually(const std::function<bool()>& predicate,
                std::chrono::milliseconds timeout = std::chrono::seconds(30));

struct ProcessOptions {
  std::vector<std::string> argv;           // argv[0] is looked up in PATH
  std::map<std::string, std::string> env;  // added to ours
  std::string cwd;                         // empty = ours
  std::string user;                        // run as this user when we are root; empty = as we are
  bool pipe_stdin = false;                 // else /dev/null
};

// A child in its own process group; killed with SIGKILL at destruction, and by the kernel when the
// test dies. Standard output and error are collected whenever it is used; a child that writes a MiB
// in between waits. One thread at a time.
class ChildProcess {
 public:
  explicit ChildProcess(ProcessOptions options);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void write_stdin(const std::string& text);
  void close_stdin();
  // The next line of standard output without its end; nothing at end of file or after `timeout`.
  std::optional<std::string> read_line(
      std::chrono::milliseconds timeout = std::chrono::seconds(30));
  // Signals the child alone.
  void signal(int number);
  // The exit code, 128 + signal, or nothing when it still runs after `timeout`.
  std::optional<int> wait(std::chrono::milliseconds timeout = std::chrono::seconds(30));
  bool running();
  std::string out();  // collected so far and not read by read_line
  std::string err();

 private:
  void pump(std::chrono::milliseconds wait);

  pid_t pid_ = -1;
  int stdin_ = -1, stdout_ = -1, stderr_ = -1;
  std::string out_, err_;
  std::optional<int> exit_;
};

struct RunResult {
  int exit_code = 0;
  std::string out;
  std::string err;
};
// Runs to the end (at most `timeout`, then it is killed and exit_code is -1).
RunResult run(ProcessOptions options, const std::string& stdin_text = {},
              std::chrono::milliseconds timeout = std::chrono::seconds(60));

// Runs `body` in a forked child and returns its exit code, or 128 + the signal that ended it. For
// fault tests whose body kills itself. Call it while this process has one thread.
int run_forked(const std::function<int()>& body);

}  // namespace ripcord
