// SPDX-License-Identifier: Apache-2.0
#include "adapters/process/child_runner.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <optional>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace ripcord {
namespace {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    reset();
    fd_ = std::exchange(other.fd_, -1);
    return *this;
  }
  ~Fd() { reset(); }
  int get() const { return fd_; }
  void reset() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

Status errno_status(std::string_view what, int error_number) {
  const bool exhausted = error_number == EAGAIN || error_number == ENOMEM || error_number == EMFILE;
  return {exhausted ? StatusCode::kResourceExhausted : StatusCode::kInternal,
          fmt::format("{}: {}", what, std::strerror(error_number))};
}

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    return tl::unexpected(errno_status("cannot make a pipe", errno));
  }
  Pipe made{Fd(ends[0]), Fd(ends[1])};
  ::fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return made;
}

// Everything exec needs, built before fork: the child may only make async-signal-safe calls.
struct ExecImage {
  std::string path;
  std::vector<std::string> env_text;
  std::vector<char*> argv;
  std::vector<char*> env;
};

ExecImage make_image(const Command& command, std::string path) {
  ExecImage image;
  image.path = std::move(path);
  std::map<std::string, std::string> variables;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) {
      variables[std::string(text.substr(0, equals))] = text.substr(equals + 1);
    }
  }
  for (const auto& [name, value] : command.env) {
    variables[name] = value;
  }
  for (const auto& [name, value] : variables) {
    image.env_text.push_back(name + "=" + value);
  }
  for (const auto& text : image.env_text) {
    image.env.push_back(const_cast<char*>(text.c_str()));
  }
  image.env.push_back(nullptr);
  for (const auto& text : command.argv) {
    image.argv.push_back(const_cast<char*>(text.c_str()));
  }
  image.argv.push_back(nullptr);
  return image;
}

[[noreturn]] void become(const ExecImage& image, pid_t parent, int out, int err, int failure) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) {
    ::_exit(127);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  const int null = ::open("/dev/null", O_RDONLY);
  ::dup2(null, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  ::execve(image.path.c_str(), image.argv.data(), image.env.data());
  const int error_number = errno;
  [[maybe_unused]] const auto written = ::write(failure, &error_number, sizeof error_number);
  ::_exit(127);
}

// The parent-death signal reaches a tool, but not the tool's own children: pg_restore's workers go
// on for as long as the statement in hand. A member of the group, so that its number stays taken,
// that outlives us by the moment it needs to kill the group. Only async-signal-safe calls.
[[noreturn]] void guard_group(pid_t parent, pid_t group) {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  ::setpgid(0, group);
  ::prctl(PR_SET_PDEATHSIG, SIGUSR1);
  // Nothing of ours may stay open because of it: sockets, locks, ends of pipes.
  if (::syscall(SYS_close_range, 0U, ~0U, 0U) != 0) {
    for (int fd = 0; fd < 4096; ++fd) {
      ::close(fd);
    }
  }
  sigset_t death;
  ::sigemptyset(&death);
  ::sigaddset(&death, SIGUSR1);
  while (::getppid() == parent) {
    ::sigwaitinfo(&death, nullptr);
  }
  ::kill(-group, SIGKILL);
  ::_exit(0);
}

// Ends with the object, which the tool does not outlive.
class Guard {
 public:
  Guard(pid_t parent, pid_t group) : pid_(::fork()) {
    if (pid_ == 0) {
      guard_group(parent, group);
    }
    ::setpgid(pid_, group);
  }
  ~Guard() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  const pid_t pid_;
};

// Appends what can be read now and keeps the last `keep` bytes. False at end of file.
bool drain(int fd, std::string& text, std::size_t keep) {
  std::array<char, 16384> buffer{};
  for (;;) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n > 0) {
      text.append(buffer.data(), static_cast<std::size_t>(n));
      if (text.size() > keep) {
        text.erase(0, text.size() - keep);
      }
      continue;
    }
    if (n < 0 && errno == EINTR) {
      continue;
    }
    return n < 0 && errno == EAGAIN;
  }
}

int exit_code_of(int wait_status) {
  return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

// A started child; killed with its group and reaped when dropped unfinished.
class Child {
 public:
  Child(pid_t pid, Fd out, Fd err)
      : pid_(pid),
        handle_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))),
        out_(std::move(out)),
        err_(std::move(err)) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (!reaped_) {
      signal_group(SIGKILL);
      reap();
    }
  }
  void signal_group(int signal) { ::kill(-pid_, signal); }

  // Reads until the child has ended. False when `wake` became readable or `timeout` passed first.
  bool wait(int wake, std::optional<Duration> timeout, std::size_t keep) {
    std::array<pollfd, 4> fds = {{{handle_.get(), POLLIN, 0},
                                  {out_.get(), POLLIN, 0},
                                  {err_.get(), POLLIN, 0},
                                  {wake, POLLIN, 0}}};
    for (;;) {
      const int ms =
          timeout ? static_cast<int>(
                        std::chrono::duration_cast<std::chrono::milliseconds>(*timeout).count())
                  : -1;
      const int ready = ::poll(fds.data(), fds.size(), ms);
      if (ready == 0 || (fds[3].revents & POLLIN) != 0) {
        return false;
      }
      if (!drain(out_.get(), outcome_.out, keep)) {
        fds[1].fd = -1;
      }
      if (!drain(err_.get(), outcome_.err, keep)) {
        fds[2].fd = -1;
      }
      if ((fds[0].revents & POLLIN) != 0) {
        drain(out_.get(), outcome_.out, keep);
        drain(err_.get(), outcome_.err, keep);
        outcome_.exit_code = exit_code_of(reap());
        return true;
      }
    }
  }
  CommandOutcome take_outcome() { return std::move(outcome_); }

 private:
  int reap() {
    int wait_status = 0;
    while (::waitpid(pid_, &wait_status, 0) < 0 && errno == EINTR) {
    }
    reaped_ = true;
    return wait_status;
  }

  pid_t pid_;
  bool reaped_ = false;
  Fd handle_;
  Fd out_;
  Fd err_;
  CommandOutcome outcome_;
};

std::vector<std::string> path_directories() {
  const char* path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  std::string_view rest = path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path;
  std::vector<std::string> directories;
  while (!rest.empty()) {
    const auto colon = rest.find(':');
    if (colon != 0) {
      directories.emplace_back(rest.substr(0, colon));
    }
    rest = colon == std::string_view::npos ? std::string_view{} : rest.substr(colon + 1);
  }
  return directories;
}

}  // namespace

Result<std::string> find_program(const std::string& name,
                                 const std::vector<std::string>& directories) {
  if (name.find('/') != std::string::npos) {
    if (::access(name.c_str(), X_OK) == 0) {
      return name;
    }
    return error(StatusCode::kNotFound, fmt::format("there is no program {}", name), "ToolMissing");
  }
  std::vector<std::string> places = directories;
  for (auto& place : path_directories()) {
    places.push_back(std::move(place));
  }
  for (const auto& place : places) {
    std::string candidate = place + "/" + name;
    if (::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
  }
  return error(StatusCode::kNotFound,
               fmt::format("there is no program {} in {}", name, fmt::join(places, ", ")),
               "ToolMissing");
}

Result<CommandOutcome> ChildRunner::run(const Command& command, std::stop_token stop) {
  if (command.argv.empty()) {
    return error(StatusCode::kInvalidArgument, "a command needs at least a program");
  }
  ASSIGN_OR_RETURN(std::string path, find_program(command.argv.front()));
  const ExecImage image = make_image(command, std::move(path));
  ASSIGN_OR_RETURN(Pipe out, make_pipe());
  ASSIGN_OR_RETURN(Pipe err, make_pipe());
  ASSIGN_OR_RETURN(Pipe failure, make_pipe());
  const Fd wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return tl::unexpected(errno_status("cannot fork", errno));
  }
  if (pid == 0) {
    become(image, parent, out.write.get(), err.write.get(), failure.write.get());
  }
  ::setpgid(pid, pid);  // in both, so that neither can be too late
  Child child(pid, std::move(out.read), std::move(err.read));
  const Guard guard(parent, pid);
  out.write.reset();
  err.write.reset();
  failure.write.reset();
  const std::stop_callback on_stop(stop, [&wake] { ::eventfd_write(wake.get(), 1); });
  if (!child.wait(wake.get(), std::nullopt, command.keep_output)) {
    child.signal_group(SIGTERM);
    if (!child.wait(-1, grace_, command.keep_output)) {
      child.signal_group(SIGKILL);
      child.wait(-1, std::nullopt, command.keep_output);
    }
    child.signal_group(SIGKILL);
    return error(StatusCode::kCancelled, fmt::format("{} was stopped", command.argv.front()));
  }
  int error_number = 0;
  if (::read(failure.read.get(), &error_number, sizeof error_number) ==
      static_cast<ssize_t>(sizeof error_number)) {
    return tl::unexpected(
        errno_status(fmt::format("cannot run {}", command.argv.front()), error_number));
  }
  return child.take_outcome();
}

}  // namespace ripcord
