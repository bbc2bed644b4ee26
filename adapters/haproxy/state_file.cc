// SPDX-License-Identifier: Apache-2.0
#include "adapters/haproxy/state_file.h"

#include "adapters/haproxy/server_state.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord::haproxy {
namespace {

constexpr std::string_view kField = "spec.router.haproxy.stateFile";

Status failure(const std::string& path, int code) {
  const auto kind = code == EACCES || code == EPERM || code == EROFS
                        ? StatusCode::kPermissionDenied
                        : (code == ENOSPC || code == EDQUOT ? StatusCode::kResourceExhausted
                                                            : StatusCode::kFailedPrecondition);
  return {kind,
          fmt::format("{}: {}: {}; Ripcord's user must be able to write the file and its folder",
                      kField, path, std::strerror(code)),
          "StateFileNotWritable"};
}

int write_and_sync(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno != EINTR) {
      return errno;
    }
    text.remove_prefix(wrote > 0 ? static_cast<std::size_t>(wrote) : 0);
  }
  // HAProxy usually reads it as another user.
  return ::fchmod(fd, 0644) != 0 || ::fsync(fd) != 0 ? errno : 0;
}

}  // namespace

Result<std::string> read_state_file(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) {
    return errno == ENOENT ? Result<std::string>(std::string())
                           : Result<std::string>(tl::unexpected(failure(path, errno)));
  }
  std::string text;
  if (S_ISREG(found.st_mode)) {
    std::ifstream in(path, std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(in), {});
  }
  if (!S_ISREG(found.st_mode) || (!text.empty() && !is_servers_state(text))) {
    return error(StatusCode::kFailedPrecondition,
                 fmt::format("{}: {} is there and is no server-state file; Ripcord does not "
                             "overwrite it, name the file of `server-state-file` or remove it",
                             kField, path),
                 "StateFileNotOurs");
  }
  return text;
}

Status write_state_file(const std::string& path, const std::string& text) {
  if (path.empty() || path.front() != '/') {
    return {StatusCode::kInvalidArgument,
            fmt::format("{}: '{}': write an absolute path", kField, path)};
  }
  std::string temporary = path + ".XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) {
    return failure(path, errno);
  }
  int failed = write_and_sync(fd, text);
  ::close(fd);
  if (failed == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) {
    failed = errno;
  }
  if (failed != 0) {
    ::unlink(temporary.c_str());
    return failure(path, failed);
  }
  return ok_status();
}

}  // namespace ripcord::haproxy
