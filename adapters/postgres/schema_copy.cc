// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/schema_copy.h"

#include "adapters/postgres/client_tools.h"
#include "adapters/postgres/restore_load.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <future>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

// A named pipe in a directory that is only ours.
class NamedPipe {
 public:
  static Result<NamedPipe> make() {
    std::error_code failure;
    std::string directory =
        (std::filesystem::temp_directory_path(failure) / "ripcord-copy-XXXXXX").string();
    if (failure || ::mkdtemp(directory.data()) == nullptr) {
      return error(StatusCode::kUnavailable,
                   fmt::format("no temporary directory {}: {}", directory, std::strerror(errno)),
                   "NoTemporaryDirectory");
    }
    NamedPipe made(directory);
    if (::mkfifo(made.path().c_str(), 0600) != 0) {
      return error(StatusCode::kUnavailable,
                   fmt::format("no pipe {}: {}", made.path(), std::strerror(errno)),
                   "NoTemporaryDirectory");
    }
    return made;
  }
  NamedPipe(NamedPipe&& other) noexcept : directory_(std::exchange(other.directory_, {})) {}
  NamedPipe& operator=(NamedPipe&&) = delete;
  ~NamedPipe() {
    std::error_code ignored;
    if (!directory_.empty()) {
      std::filesystem::remove_all(directory_, ignored);
    }
  }

  std::string path() const { return directory_ + "/pipe"; }

 private:
  explicit NamedPipe(std::string directory) : directory_(std::move(directory)) {}
  std::string directory_;
};

std::string session_options(const SchemaCopy& copy) {
  // As in a load: the mark `staged` waits for all the log before it.
  return fmt::format("-c synchronous_commit=off{}",
                     copy.notices_death ? " -c client_connection_check_interval=2000" : "");
}

Result<Command> dump_command(const RestoreSite& site, const SchemaCopy& copy,
                             const std::string& pipe) {
  ASSIGN_OR_RETURN(const std::string conninfo,
                   secretless_conninfo(site.url, copy.from, session_options(copy)));
  Command command;
  command.argv = {tool_path("pg_dump"), "--no-password",  "--format=custom", "--no-sync",
                  "--compress=0",       "--file=" + pipe, "--strict-names"};
  command.argv.insert(command.argv.end(), copy.options.begin(), copy.options.end());
  command.argv.push_back("--dbname=" + conninfo);
  return command;
}

Result<Command> restore_command(const RestoreSite& site, const SchemaCopy& copy,
                                const std::string& pipe) {
  ASSIGN_OR_RETURN(const std::string conninfo,
                   secretless_conninfo(site.url, copy.to, session_options(copy)));
  Command command;
  command.argv = {tool_path("pg_restore"),
                  "--no-password",
                  "--format=custom",
                  "--exit-on-error",
                  "--dbname=" + conninfo,
                  "--",
                  pipe};
  return command;
}

}  // namespace

// The one that fails ends the other, which may be waiting for it in open().
Status copy_schema(const RestoreSite& site, const SchemaCopy& copy, const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const NamedPipe pipe, NamedPipe::make());
  ASSIGN_OR_RETURN(Command dump, dump_command(site, copy, pipe.path()));
  ASSIGN_OR_RETURN(Command restore, restore_command(site, copy, pipe.path()));
  std::stop_source ending;
  const std::stop_callback on_stop(stop, [&ending] { ending.request_stop(); });
  const auto run_half = [&](Command command) {
    Result<CommandOutcome> outcome =
        run_tool(site.url, *site.commands, std::move(command), ending.get_token());
    if (!outcome || outcome->exit_code != 0) {
      ending.request_stop();
    }
    return outcome;
  };
  std::packaged_task<Result<CommandOutcome>()> task([&] { return run_half(std::move(dump)); });
  std::future<Result<CommandOutcome>> dumping = task.get_future();
  std::jthread dumper(std::move(task));
  const Result<CommandOutcome> restored = run_half(std::move(restore));
  const Result<CommandOutcome> dumped = dumping.get();
  if (stop.stop_requested()) {
    return {StatusCode::kCancelled, "stopped while copying a schema"};
  }
  // What was ended by the other one has nothing to say; a reader that fails breaks the writer's
  // pipe, and a writer that fails leaves the reader a dump that is cut short: its own word counts.
  const bool reader_failed = restored && restored->exit_code != 0;
  const bool cut_short = dumped && dumped->exit_code != 0 && dumped->exit_code < 128 &&
                         dumped->err.find("Broken pipe") == std::string::npos;
  if (cut_short) {
    return tool_failure("pg_dump", "database " + copy.from, *dumped);
  }
  if (reader_failed) {
    return tool_failure("pg_restore", "database " + copy.from, *restored);
  }
  for (const auto* half : {&dumped, &restored}) {
    if (!*half && half->error().code() != StatusCode::kCancelled) {
      return half->error();
    }
  }
  if (!dumped || !restored || dumped->exit_code != 0) {
    return {StatusCode::kUnavailable,
            fmt::format("copying from database {} ended early: {}", copy.from,
                        dumped ? first_tool_error(dumped->err) : dumped.error().message()),
            "ConnectionLost"};
  }
  return {};
}

}  // namespace ripcord::postgres
