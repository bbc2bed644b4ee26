// SPDX-License-Identifier: Apache-2.0
#include "adapters/yamldir/inotify_watch.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ripcord::yamldir {
namespace {

// Not IN_MODIFY: a file counts when its writer is done with it. One that stays open is found by the
// periodic look.
constexpr std::uint32_t kMask = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE |
                                IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

// A link that appears brings a tree or a file of its own, a second name of a file comes complete.
bool complete_at_creation(const std::string& path) {
  struct stat s {};
  return ::lstat(path.c_str(), &s) == 0 && (S_ISLNK(s.st_mode) || s.st_nlink > 1);
}

bool is_link(const std::string& path) {
  struct stat s {};
  return ::lstat(path.c_str(), &s) == 0 && S_ISLNK(s.st_mode);
}

}  // namespace

Result<std::unique_ptr<InotifyWatch>> InotifyWatch::open() {
  const int fd = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (fd < 0) {
    return error(StatusCode::kResourceExhausted,
                 std::string("no inotify instance (") + std::strerror(errno) +  // NOLINT
                     "); raise fs.inotify.max_user_instances");
  }
  const int wake_fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (wake_fd < 0) {
    ::close(fd);
    return error(StatusCode::kResourceExhausted, "no file descriptor left; raise ulimit -n");
  }
  return std::unique_ptr<InotifyWatch>(new InotifyWatch(fd, wake_fd));
}

InotifyWatch::~InotifyWatch() {
  ::close(fd_);
  ::close(wake_fd_);
}

Result<int> InotifyWatch::follow(const WatchPlan& plan) {
  plan_ = plan;
  for (auto it = watches_.begin(); it != watches_.end();) {
    if (plan.contains(it->first)) {
      ++it;
      continue;
    }
    ::inotify_rm_watch(fd_, it->second);
    directories_.erase(it->second);
    it = watches_.erase(it);
  }
  int added = 0;
  for (const auto& [directory, names] : plan) {
    if (watches_.contains(directory)) {
      continue;
    }
    const int watch = ::inotify_add_watch(fd_, directory.c_str(), kMask);
    if (watch >= 0) {
      watches_[directory] = watch;
      directories_[watch] = directory;
      ++added;
    } else if (errno == ENOSPC || errno == ENOMEM) {
      return error(StatusCode::kResourceExhausted,
                   "too many directories to watch; raise fs.inotify.max_user_watches");
    }
  }
  return added;
}

bool InotifyWatch::wait(Duration timeout, Changes& changes) {
  std::array<pollfd, 2> fds = {pollfd{fd_, POLLIN, 0}, pollfd{wake_fd_, POLLIN, 0}};
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  if (::poll(fds.data(), fds.size(), static_cast<int>(ms)) <= 0 || (fds[0].revents & POLLIN) == 0) {
    return false;
  }
  drain(changes);
  return true;
}

void InotifyWatch::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = ::write(wake_fd_, &one, sizeof one);
}

void InotifyWatch::drain(Changes& changes) {
  alignas(inotify_event) std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = ::read(fd_, buffer.data(), buffer.size());
    if (n <= 0) {
      return;
    }
    for (std::size_t at = 0; at < static_cast<std::size_t>(n);) {
      inotify_event event;
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const std::string name = event.len > 0 ? buffer.data() + at + sizeof event : "";
      take(event.wd, event.mask, name, changes);
      at += sizeof event + event.len;
    }
  }
}

void InotifyWatch::take(int watch, unsigned mask, const std::string& name, Changes& changes) {
  if ((mask & IN_Q_OVERFLOW) != 0) {
    changes.everything = true;
    return;
  }
  const auto it = directories_.find(watch);
  if (it == directories_.end()) {
    return;
  }
  const std::string directory = it->second;
  if ((mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT)) != 0) {
    // Forgotten, so that the next follow() watches whatever has that path then.
    if ((mask & IN_MOVE_SELF) != 0) {
      ::inotify_rm_watch(fd_, watch);
    }
    watches_.erase(directory);
    directories_.erase(it);
    changes.everything = true;
    return;
  }
  const auto& names = plan_[directory];
  if (names && !names->contains(name)) {
    return;
  }
  const std::string path = directory + "/" + name;
  const bool hidden = name.starts_with(".");
  if (names || name == "..data") {
    changes.everything = true;
  } else if (hidden) {
    return;
  } else if ((mask & IN_ISDIR) != 0) {
    changes.everything = true;
  } else if ((mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
    changes.files.erase(path);
    changes.gone.insert(path);
  } else if ((mask & IN_CREATE) != 0) {
    changes.everything = changes.everything || complete_at_creation(path);
  } else if (is_link(path)) {
    changes.everything = true;
  } else if (is_manifest_name(name)) {
    changes.gone.erase(path);
    changes.files.insert(path);
  }
}

}  // namespace ripcord::yamldir
