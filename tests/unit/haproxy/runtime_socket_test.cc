// SPDX-License-Identifier: Apache-2.0
#include "adapters/haproxy/runtime_socket.h"

#include "adapters/haproxy/state_file.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

#include <atomic>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace ripcord::haproxy {
namespace {

using testing::HasSubstr;

// Answers every connection with one text, or never.
class FakeSocket {
 public:
  FakeSocket(const std::string& path, std::string answer, bool silent = false)
      : answer_(std::move(answer)), silent_(silent), fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    thread_ = std::jthread([this] { serve(); });
  }
  ~FakeSocket() {
    ::shutdown(fd_, SHUT_RDWR);
    thread_.join();
    ::close(fd_);
  }
  int connections() const { return connections_; }

 private:
  void serve() {
    std::vector<int> held;
    for (int peer = 0; (peer = ::accept(fd_, nullptr, nullptr)) >= 0;) {
      ++connections_;
      if (silent_) {
        held.push_back(peer);
        continue;
      }
      char request[256];
      (void)!::read(peer, request, sizeof request);
      (void)!::write(peer, answer_.data(), answer_.size());
      ::close(peer);
    }
    for (const int peer : held) {
      ::close(peer);
    }
  }

  std::string answer_;
  bool silent_;
  int fd_;
  std::atomic<int> connections_{0};
  std::jthread thread_;
};

TEST(RuntimeSocket, TextThatIsNotOneCommandIsNeverSent) {
  TempDir dir;
  FakeSocket fake(dir / "s", "\n");
  const RuntimeSocket socket(dir / "s", std::chrono::seconds(5));
  for (const std::string& text :
       {std::string(), std::string("a;b"), std::string("a\nb"), std::string("a\rb"),
        std::string("a\\;b"), std::string("a\0b", 3), std::string("a\tb")}) {
    EXPECT_CODE(socket.send(text), StatusCode::kInternal);
  }
  EXPECT_EQ(fake.connections(), 0);
}

TEST(RuntimeSocket, SomethingElseThatListensIsToldFromHaproxy) {
  TempDir dir;
  FakeSocket fake(dir / "s", "220 mail ready\n");
  const auto status = status_of(read_incarnation({dir / "s", std::chrono::seconds(5)}));
  EXPECT_CODE(status, StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.reason(), "NotHaproxy");
  EXPECT_THAT(status.message(), HasSubstr("spec.router.haproxy.socket"));
}

TEST(RuntimeSocket, AHaproxyThatHangsIsGivenUpAtTheDeadline) {
  TempDir dir;
  FakeSocket fake(dir / "s", "", true);
  const auto status = status_of(RuntimeSocket(dir / "s", std::chrono::milliseconds(50)).send("x"));
  EXPECT_CODE(status, StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("no answer in time"));
}

TEST(RuntimeSocket, ADeadSocketFileSaysThatNobodyListens) {
  TempDir dir;
  { FakeSocket fake(dir / "s", ""); }
  const auto status = status_of(RuntimeSocket(dir / "s", std::chrono::seconds(5)).send("x"));
  EXPECT_CODE(status, StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr("nobody listens"));
}

TEST(StateFile, IsReplacedAtomicallyAndNeverOverAFileOfSomebodyElse) {
  TempDir dir;
  const std::string text = "1\n# be_id be_name srv_id\n";
  const std::string path = dir / "state";
  EXPECT_EQ(read_state_file(path).value(), "");
  ASSERT_OK(write_state_file(path, text));
  EXPECT_EQ(read_state_file(path).value(), text);
  ASSERT_OK(write_state_file(path, text + "# more\n"));
  EXPECT_EQ(read_state_file(path).value(), text + "# more\n");
  write_file(path, "root:x:0:0\n");
  EXPECT_EQ(status_of(read_state_file(path)).reason(), "StateFileNotOurs");
  EXPECT_EQ(status_of(read_state_file(dir.path().string())).reason(), "StateFileNotOurs");
  EXPECT_EQ(write_state_file(dir / "no/such/folder", text).reason(), "StateFileNotWritable");
  EXPECT_CODE(write_state_file("state", text), StatusCode::kInvalidArgument);
  // No temporary file is left beside it.
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(dir.path())) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 1U);
}

}  // namespace
}  // namespace ripcord::haproxy
