// SPDX-License-Identifier: Apache-2.0
#include "adapters/stdio/session.h"

#include "tests/support/status_matchers.h"
#include "tests/unit/stdio/scripted_controller.h"

#include <csignal>
#include <future>
#include <semaphore>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

namespace ripcord::stdio {
namespace {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(::pipe(ends_), 0); }
  ~Pipe() {
    close_read();
    close_write();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_read() { close_end(0); }
  void close_write() { close_end(1); }
  void write(std::string_view text) const {
    ASSERT_EQ(::write(ends_[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  std::string read_line() const {
    std::string out;
    for (char c = 0; ::read(ends_[0], &c, 1) == 1 && c != '\n';) {
      out += c;
    }
    return out;
  }

 private:
  void close_end(int end) {
    if (ends_[end] >= 0) {
      ::close(std::exchange(ends_[end], -1));
    }
  }
  int ends_[2] = {-1, -1};
};

MessageSettings settings() {
  MessageSettings out;
  FeatureFlagSpec& flag = out.new_flag.emplace();
  flag.variants = {{"on", "true"}, {"off", "false"}};
  flag.default_variant = "on";
  flag.off_variant = "off";
  DatabaseRef& database = out.new_restore.emplace().database;
  database.engine = Engine::kSimulation;
  database.path = "shop";
  return out;
}

class SessionTest : public testing::Test {
 protected:
  ~SessionTest() override { release_.set_value(); }

  // Flags are ready at once, restores when they are released.
  void reconcile(Resource& object) {
    if (object.kind() == Kind::kRestoreRequest) {
      restoring_.release();
      released_.wait();
    }
    common(object.status).conditions.set_ready("Done", "", object.meta.generation, WallTime{});
  }
  std::future<Status> start(SessionSettings how) {
    session_.emplace(adapter_, Logger(), how);
    return std::async(std::launch::async, [this] {
      return session_->run(in_.read_end(), out_.write_end(), stop_.get_token());
    });
  }

  Pipe in_;
  Pipe out_;
  std::stop_source stop_;
  std::promise<void> release_;
  std::counting_semaphore<> restoring_{0};
  std::shared_future<void> released_ = release_.get_future().share();
  SystemClock clock_;
  ScriptedController store_{clock_, [this](Resource& object) { reconcile(object); }};
  MessageAdapter adapter_{store_, clock_, settings()};
  std::optional<Session> session_;
};

constexpr std::string_view kRestore = R"({"type": "restore", "msg_id": 1, "backup": "b"})";
constexpr std::string_view kDisable = R"({"type": "disable_feature", "msg_id": 2, "feature": "f"})";

TEST_F(SessionTest, AKillSwitchIsNotAnsweredBehindARestore) {
  std::future<Status> ended = start({.concurrent = true});
  in_.write(kRestore);
  in_.write(kDisable);
  EXPECT_NE(out_.read_line().find("feature_disabled"), std::string::npos);
  in_.close_write();
  release_.set_value();
  EXPECT_NE(out_.read_line().find("restore_complete"), std::string::npos);
  EXPECT_OK(ended.get());
  release_ = {};
}

TEST_F(SessionTest, AStopEndsItWhileARestoreIsUnderWay) {
  std::future<Status> ended = start({.concurrent = true});
  in_.write(kRestore);
  in_.write(kDisable);
  EXPECT_NE(out_.read_line().find("feature_disabled"), std::string::npos);
  restoring_.acquire();  // a message that nobody has begun with is dropped by a stop
  stop_.request_stop();
  EXPECT_NE(out_.read_line().find("\"code\": 0"), std::string::npos);
  EXPECT_OK(ended.get());
}

TEST_F(SessionTest, AReaderThatIsGoneEndsIt) {
  std::signal(SIGPIPE, SIG_IGN);
  std::future<Status> ended = start({});
  out_.close_read();
  in_.write(kDisable);
  EXPECT_CODE(ended.get(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace ripcord::stdio
