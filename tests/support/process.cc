// SPDX-License-Identifier: Apache-2.0
#include "tests/support/process.h"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <sstream>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace ripcord {
namespace {

constexpr int kPipeBytes = 1 << 20;  // the most that a process without privileges may ask for

using Millis = std::chrono::milliseconds;
using SteadyClock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

void make_pipe(int (&fds)[2]) {
  if (pipe2(fds, O_CLOEXEC) != 0) {
    fail("pipe2");
  }
}

// In the child, between fork and exec: only async-signal-safe calls, everything else was prepared
// before.
[[noreturn]] void become(const std::vector<char*>& argv, char** env, const std::string& cwd,
                         const passwd* user, int in, int out, int err, pid_t parent) {
  setpgid(0, 0);
  dup2(in, 0);
  dup2(out, 1);
  dup2(err, 2);
  if (user != nullptr && (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) {
    _exit(126);
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent || (!cwd.empty() && chdir(cwd.c_str()) != 0)) {
    _exit(126);
  }
  execvpe(argv[0], argv.data(), env);
  _exit(127);
}

std::vector<std::string> environment(const std::map<std::string, std::string>& extra) {
  std::vector<std::string> all;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    if (!extra.contains(text.substr(0, text.find('=')))) {
      all.push_back(text);
    }
  }
  for (const auto& [name, value] : extra) {
    all.push_back(name + "=" + value);
  }
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) {
    result.push_back(text.data());
  }
  result.push_back(nullptr);
  return result;
}

// Reads what is there; closes at end of file.
void drain(int& fd, std::string& into) {
  char buffer[65536];
  while (fd >= 0) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n > 0) {
      into.append(buffer, static_cast<std::size_t>(n));
    } else if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    } else {
      close(fd);
      fd = -1;
    }
  }
}

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "ripcord-test-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) {
    fail("mkdtemp " + name);
  }
  path_ = name;
  std::filesystem::permissions(path_, std::filesystem::perms::all);
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::string& path, const std::string& content) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
  if (!out.flush()) {
    fail("write " + path);
  }
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    fail("read " + path);
  }
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    fail("free_port");
  }
  close(fd);
  return ntohs(address.sin_port);
}

bool eventually(const std::function<bool()>& predicate, Millis timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  while (!predicate()) {
    if (SteadyClock::now() >= deadline) {
      return false;
    }
    std::this_thread::sleep_for(Millis(5));
  }
  return true;
}

ChildProcess::ChildProcess(ProcessOptions options) {
  ::signal(SIGPIPE, SIG_IGN);
  int in[2] = {-1, -1}, out[2], err[2];
  make_pipe(out);
  make_pipe(err);
  if (options.pipe_stdin) {
    make_pipe(in);
  } else {
    in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
  }
  std::vector<std::string> env_texts = environment(options.env);
  std::vector<char*> env = pointers(env_texts);
  std::vector<char*> argv = pointers(options.argv);
  const passwd* user =
      options.user.empty() || geteuid() != 0 ? nullptr : getpwnam(options.user.c_str());
  const pid_t parent = getpid();
  pid_ = fork();
  if (pid_ < 0) {
    fail("fork");
  }
  if (pid_ == 0) {
    become(argv, env.data(), options.cwd, user, in[0], out[1], err[1], parent);
  }
  setpgid(pid_, pid_);
  close(in[0]);
  close(out[1]);
  close(err[1]);
  stdin_ = in[1];
  stdout_ = out[0];
  stderr_ = err[0];
  fcntl(stdout_, F_SETFL, O_NONBLOCK);
  fcntl(stderr_, F_SETFL, O_NONBLOCK);
  // Nobody reads while a test is busy elsewhere, and a child must not wait for that.
  fcntl(stdout_, F_SETPIPE_SZ, kPipeBytes);
  fcntl(stderr_, F_SETPIPE_SZ, kPipeBytes);
}

ChildProcess::~ChildProcess() {
  if (running()) {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    wait(std::chrono::seconds(10));
  }
  for (const int fd : {stdin_, stdout_, stderr_}) {
    if (fd >= 0) {
      close(fd);
    }
  }
}

void ChildProcess::pump(Millis wait) {
  pollfd fds[2] = {{stdout_, POLLIN, 0}, {stderr_, POLLIN, 0}};
  poll(fds, 2, static_cast<int>(wait.count()));
  drain(stdout_, out_);
  drain(stderr_, err_);
}

void ChildProcess::write_stdin(const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    pollfd ready = {stdin_, POLLOUT, 0};
    poll(&ready, 1, 10);
    pump(Millis(0));
    const std::size_t piece = std::min<std::size_t>(text.size() - done, 4096);
    if ((ready.revents & POLLOUT) == 0) {
      continue;
    }
    const ssize_t n = write(stdin_, text.data() + done, piece);
    if (n < 0) {
      fail("write to the child's standard input");
    }
    done += static_cast<std::size_t>(n);
  }
}

void ChildProcess::close_stdin() {
  if (stdin_ >= 0) {
    close(stdin_);
    stdin_ = -1;
  }
}

std::optional<std::string> ChildProcess::read_line(Millis timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  for (;;) {
    if (const std::size_t end = out_.find('\n'); end != std::string::npos) {
      std::string line = out_.substr(0, end);
      out_.erase(0, end + 1);
      return line;
    }
    if (stdout_ < 0 || SteadyClock::now() >= deadline) {
      return std::nullopt;
    }
    pump(Millis(50));
  }
}

void ChildProcess::signal(int number) {
  if (running()) {
    ::kill(pid_, number);
  }
}

std::optional<int> ChildProcess::wait(Millis timeout) {
  const auto deadline = SteadyClock::now() + timeout;
  while (!exit_) {
    int status = 0;
    const pid_t done = waitpid(pid_, &status, WNOHANG);
    if (done == pid_) {
      exit_ = exit_code(status);
      break;
    }
    if (SteadyClock::now() >= deadline) {
      return std::nullopt;
    }
    pump(Millis(5));
    std::this_thread::sleep_for(Millis(2));
  }
  pump(Millis(0));
  return exit_;
}

bool ChildProcess::running() {
  return pid_ > 0 && !wait(Millis(0)).has_value();
}

std::string ChildProcess::out() {
  pump(Millis(0));
  return out_;
}

std::string ChildProcess::err() {
  pump(Millis(0));
  return err_;
}

RunResult run(ProcessOptions options, const std::string& stdin_text, Millis timeout) {
  options.pipe_stdin = !stdin_text.empty();
  ChildProcess child(std::move(options));
  if (!stdin_text.empty()) {
    child.write_stdin(stdin_text);
    child.close_stdin();
  }
  const std::optional<int> code = child.wait(timeout);
  return {code.value_or(-1), child.out(), child.err()};
}

int run_forked(const std::function<int()>& body) {
  std::fflush(nullptr);
  const pid_t pid = fork();
  if (pid < 0) {
    fail("fork");
  }
  if (pid == 0) {
    int code = 125;
    try {
      code = body();
    } catch (const std::exception& e) {
      std::fprintf(stderr, "forked body: %s\n", e.what());
    }
    std::fflush(nullptr);
    _exit(code);
  }
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return exit_code(status);
}

}  // namespace ripcord
