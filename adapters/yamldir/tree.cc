// SPDX-License-Identifier: Apache-2.0
#include "adapters/yamldir/tree.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <deque>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord::yamldir {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 32;
constexpr int kMaxLinks = 40;
constexpr std::int64_t kMaxBytes = 64LL * 1024 * 1024;
const std::string kDataLink = "..data";

std::string why() {
  return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): glibc's is safe for known numbers
}

std::optional<std::string> link_target(const std::string& path) {
  std::error_code failed;
  const fs::path target = fs::read_symlink(path, failed);
  return failed ? std::nullopt : std::optional<std::string>(target.string());
}

FileStamp stamp_of(const struct stat& s) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  return {s.st_dev, s.st_ino, s.st_size, s.st_mtim.tv_sec * kSecond + s.st_mtim.tv_nsec,
          s.st_ctim.tv_sec * kSecond + s.st_ctim.tv_nsec};
}

void watch_name(WatchPlan& plan, const std::string& directory, const std::string& name) {
  const auto it = plan.try_emplace(directory, std::set<std::string>()).first;
  if (it->second) {
    it->second->insert(name);
  }
}

// Where the root really is. Every link on the way, and the root itself, can be replaced; notes what
// to watch for that.
std::optional<std::string> resolve_root(const std::string& root, Tree& tree) {
  std::string at = "/";
  const fs::path absolute = fs::absolute(root).lexically_normal();
  std::deque<std::string> parts;
  for (const fs::path& part : absolute.relative_path()) {
    if (!part.empty()) {
      parts.push_back(part.string());
    }
  }
  for (int links = 0; !parts.empty();) {
    const std::string part = parts.front();
    parts.pop_front();
    if (part == "..") {
      at = fs::path(at).parent_path().string();
      continue;
    }
    const std::string path = (fs::path(at) / part).string();
    const std::optional<std::string> target = link_target(path);
    struct stat s {};
    if (target || parts.empty() || ::lstat(path.c_str(), &s) != 0) {
      watch_name(tree.watch, at, part);
    }
    if (!target) {
      if (::lstat(path.c_str(), &s) != 0) {
        return std::nullopt;
      }
      at = path;
      continue;
    }
    if (++links > kMaxLinks) {
      return std::nullopt;
    }
    tree.links[path] = *target;
    const fs::path next = *target;
    std::deque<std::string> front;
    for (const fs::path& p : next.relative_path()) {
      if (!p.empty() && p != ".") {
        front.push_back(p.string());
      }
    }
    parts.insert(parts.begin(), front.begin(), front.end());
    if (next.is_absolute()) {
      at = "/";
    }
  }
  return at;
}

class Walk {
 public:
  explicit Walk(Tree& tree) : tree_(tree) {}

  void enter(const std::string& real, const std::string& relative) {
    struct stat s {};
    std::error_code failed;
    if (::stat(real.c_str(), &s) != 0) {
      return give_up(relative, why());
    }
    const std::pair<std::uint64_t, std::uint64_t> id{s.st_dev, s.st_ino};
    const bool loop = std::find(path_.begin(), path_.end(), id) != path_.end();
    if (loop || path_.size() >= kMaxDepth) {
      return;  // what is in there is seen on the way in, or lies too deep to be meant
    }
    fs::directory_iterator entries(real, failed);
    if (failed) {
      return give_up(relative, failed.message());
    }
    path_.push_back(id);
    tree_.directories[real] = relative;
    tree_.watch[real] = std::nullopt;
    const std::string data = resolve_data(real);
    for (; entries != fs::directory_iterator(); entries.increment(failed)) {
      take(real, relative, entries->path().filename().string(), data);
      if (failed) {
        break;
      }
    }
    if (failed) {
      give_up(relative, failed.message());
    }
    path_.pop_back();
  }

 private:
  void give_up(const std::string& relative, const std::string& reason) {
    if (relative.empty()) {
      tree_.root = Status(StatusCode::kUnavailable, "the directory cannot be read: " + reason);
    }
    tree_.unreadable.push_back(relative);
  }

  // Where `..data` of this directory points now; empty when it has none.
  std::string resolve_data(const std::string& real) {
    const std::string link = real + "/" + kDataLink;
    const std::optional<std::string> target = link_target(link);
    if (!target) {
      return {};
    }
    tree_.links[link] = *target;
    return (fs::path(real) / *target).lexically_normal().string();
  }

  void take(const std::string& directory, const std::string& relative, const std::string& name,
            const std::string& data) {
    if (name.front() == '.') {
      return;
    }
    std::string real = directory + "/" + name;
    const std::string path = relative.empty() ? name : relative + "/" + name;
    if (const std::optional<std::string> target = link_target(real)) {
      tree_.links[real] = *target;
      if (!data.empty() && target->starts_with(kDataLink + "/")) {
        real = data + target->substr(kDataLink.size());
      }
    }
    struct stat s {};
    if (::stat(real.c_str(), &s) != 0) {
      if (is_manifest_name(name)) {
        tree_.files[path] = {real, {}, "cannot be read: " + why()};
      }
    } else if (S_ISDIR(s.st_mode)) {
      enter(real, path);
    } else if (is_manifest_name(name)) {
      const bool regular = S_ISREG(s.st_mode);
      tree_.files[path] = {real, stamp_of(s), regular ? "" : "is no ordinary file"};
    }
  }

  Tree& tree_;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> path_;  // directories we are in
};

}  // namespace

bool is_manifest_name(const std::string& name) {
  return !name.empty() && name.front() != '.' &&
         (name.ends_with(".yaml") || name.ends_with(".yml") || name.ends_with(".json"));
}

Tree look_at(const std::string& root) {
  Tree tree;
  const std::optional<std::string> real = resolve_root(root, tree);
  if (!real) {
    tree.root = Status(StatusCode::kNotFound, "the directory does not exist");
    return tree;
  }
  Walk(tree).enter(*real, "");
  return tree;
}

bool same_links(const Tree& tree) {
  return std::all_of(tree.links.begin(), tree.links.end(),
                     [](const auto& link) { return link_target(link.first) == link.second; });
}

Result<FileText> read_text(const std::string& path) {
  // O_NONBLOCK: opening a pipe that lies there must not hang.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    return error(errno == ENOENT ? StatusCode::kNotFound : StatusCode::kPermissionDenied,
                 "cannot be read: " + why());
  }
  struct Closer {
    int fd;
    ~Closer() { ::close(fd); }
  } const closer{fd};
  struct stat before {};
  if (::fstat(fd, &before) != 0 || !S_ISREG(before.st_mode)) {
    return error(StatusCode::kInvalidArgument, "is no ordinary file");
  }
  if (before.st_size > kMaxBytes) {
    return error(StatusCode::kInvalidArgument,
                 "is larger than 64 MiB; split it into several files");
  }
  FileText file;
  file.text.resize(static_cast<std::size_t>(before.st_size) + 1);
  std::size_t length = 0;
  while (length < file.text.size()) {
    const ssize_t n = ::read(fd, file.text.data() + length, file.text.size() - length);
    if (n < 0) {
      return error(StatusCode::kPermissionDenied, "cannot be read: " + why());
    }
    if (n == 0) {
      break;
    }
    length += static_cast<std::size_t>(n);
  }
  file.text.resize(length);
  struct stat after {};
  if (::fstat(fd, &after) != 0 || after.st_size != static_cast<std::int64_t>(length) ||
      stamp_of(after).modified_ns != stamp_of(before).modified_ns) {
    return error(StatusCode::kUnavailable, "changed while it was read");
  }
  file.stamp = stamp_of(after);
  return file;
}

}  // namespace ripcord::yamldir
