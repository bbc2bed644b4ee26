// SPDX-License-Identifier: Apache-2.0
#include "adapters/apiserver/token_gate.h"

#include "adapters/apiserver/service_state.h"
#include "controller/base/sha256.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace ripcord::apiserver {
namespace {

constexpr std::size_t kShortest = 16;  // 96 bits in base64: nobody guesses it
constexpr std::size_t kLongest = 4096;
constexpr std::string_view kSpace = " \t\r";

std::string_view trimmed(std::string_view line) {
  const std::size_t first = std::min(line.find_first_not_of(kSpace), line.size());
  line.remove_prefix(first);
  return line.substr(0, line.find_last_not_of(kSpace) + 1);
}

bool visible(std::string_view token) {
  return std::ranges::all_of(token, [](char c) { return c > 0x20 && c < 0x7f; });
}

// The digests of the tokens of a file. Messages tell the line, never what it says.
Result<std::vector<std::string>> read_tokens(const std::string& path, std::string_view text) {
  std::vector<std::string> digests;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view token = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (token.empty() || token.front() == '#') {
      continue;
    }
    if (token.size() < kShortest || token.size() > kLongest || !visible(token)) {
      return error(StatusCode::kInvalidArgument,
                   fmt::format("{}: line {} is no token: write {} to {} letters, digits or signs "
                               "without white space, for example what 'openssl rand -hex 32' gives",
                               path, number, kShortest, kLongest));
    }
    digests.push_back(sha256_hex(token));
  }
  if (digests.empty()) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("{}: there is no token in it; write one a line, for example what "
                             "'openssl rand -hex 32' gives",
                             path));
  }
  return digests;
}

// Empty when there is none.
std::string_view bearer_token(const ServedRequest& request) {
  constexpr std::string_view kScheme = "bearer ";
  const auto at = request.headers.find("authorization");
  std::string_view value = at == request.headers.end() ? std::string_view() : at->second;
  const bool bearer =
      value.size() > kScheme.size() &&
      std::ranges::equal(value.substr(0, kScheme.size()), kScheme,
                         [](char a, char b) { return a == b || (a >= 'A' && a + 32 == b); });
  return bearer ? trimmed(value.substr(kScheme.size())) : std::string_view();
}

// Takes as long for every pair of equal lengths, which digests are.
bool same(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0U : 1U;
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  }
  return difference == 0;
}

}  // namespace

Result<std::unique_ptr<TokenGate>> TokenGate::open(std::string token_file, HttpService& behind,
                                                   const Clock& clock, Logger log) {
  std::unique_ptr<TokenGate> gate(
      new TokenGate(std::move(token_file), behind, clock, std::move(log)));
  const MutexLock lock(gate->mutex_);
  RETURN_IF_ERROR(gate->reload());
  return gate;
}

Status TokenGate::reload() {
  ASSIGN_OR_RETURN(const std::optional<std::string> text, file_.changed(clock_.wall_now()));
  if (text) {
    ASSIGN_OR_RETURN(digests_, read_tokens(file_.path(), *text));
  }
  return ok_status();
}

bool TokenGate::admits(const ServedRequest& request) {
  const std::string_view token = bearer_token(request);
  const std::string shown = sha256_hex(token);
  const MutexLock lock(mutex_);
  const std::vector<std::string> before = digests_;
  const Status read = reload();
  if (!read.ok() && read.message() != problem_) {
    log_.warning("the new API tokens are not used; the old ones stay", {{"error", read.message()}});
  } else if (digests_ != before) {
    log_.info("the API tokens were read again",
              {{"file", file_.path()}, {"tokens", std::to_string(digests_.size())}});
  }
  problem_ = read.ok() ? "" : read.message();
  bool known = false;
  for (const std::string& digest : digests_) {
    known = same(digest, shown) || known;
  }
  return known && !token.empty();
}

ServedResponse TokenGate::serve(const ServedRequest& request) {
  if (admits(request)) {
    return behind_.serve(request);
  }
  ServedResponse refused = failure({StatusCode::kPermissionDenied, "Unauthorized", "Unauthorized"});
  refused.headers.emplace_back("WWW-Authenticate", "Bearer");
  return refused;
}

}  // namespace ripcord::apiserver
