// SPDX-License-Identifier: Apache-2.0
#include "adapters/postgres/shadow_reach.h"

#include "controller/codec/sql_lexer.h"

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

#include <fmt/format.h>

namespace ripcord::postgres {
namespace {

using codec::SqlToken;
using Tokens = std::span<const SqlToken>;
using AnyOf = std::initializer_list<std::string_view>;

// By the beginning of their name.
constexpr auto kFunctions = std::to_array<std::string_view>({
    "DBLINK",
    "LO_EXPORT",
    "LO_IMPORT",
    "PG_BACKUP_",
    "PG_CANCEL_BACKEND",
    "PG_COPY_LOGICAL_REPLICATION_SLOT",
    "PG_COPY_PHYSICAL_REPLICATION_SLOT",
    "PG_CREATE_LOGICAL_REPLICATION_SLOT",
    "PG_CREATE_PHYSICAL_REPLICATION_SLOT",
    "PG_CREATE_RESTORE_POINT",
    "PG_DROP_REPLICATION_SLOT",
    "PG_FILE_",
    "PG_LOGICAL_EMIT_MESSAGE",
    "PG_LOGICAL_SLOT_GET_",
    "PG_LOG_BACKEND_MEMORY_CONTEXTS",
    "PG_PROMOTE",
    "PG_RELOAD_CONF",
    "PG_REPLICATION_ORIGIN_",
    "PG_REPLICATION_SLOT_ADVANCE",
    "PG_ROTATE_LOGFILE",
    "PG_STAT_RESET_SHARED",
    "PG_STAT_RESET_SLRU",
    "PG_STAT_RESET_REPLICATION_SLOT",
    "PG_STAT_STATEMENTS_RESET",
    "PG_START_BACKUP",
    "PG_STOP_BACKUP",
    "PG_SWITCH_WAL",
    "PG_TERMINATE_BACKEND",
    "PG_WAL_REPLAY_",
});

bool is(Tokens tokens, std::size_t at, AnyOf words) {
  return at < tokens.size() &&
         std::any_of(words.begin(), words.end(), [&](auto word) { return tokens[at].word(word); });
}

bool is_wider(Tokens tokens, std::size_t at) {
  return is(tokens, at,
            {"ROLE", "USER", "GROUP", "DATABASE", "TABLESPACE", "SYSTEM", "SUBSCRIPTION", "OWNED"});
}

bool holds(Tokens tokens, AnyOf words) {
  for (std::size_t at = 0; at < tokens.size(); ++at) {
    if (is(tokens, at, words)) {
      return true;
    }
  }
  return false;
}

bool holds_wider(Tokens tokens) {
  for (std::size_t at = 0; at < tokens.size(); ++at) {
    if (is_wider(tokens, at)) {
      return true;
    }
  }
  return false;
}

// What stands behind the first ON.
bool is_on(Tokens tokens, AnyOf words) {
  const auto on =
      std::find_if(tokens.begin(), tokens.end(), [](const SqlToken& t) { return t.word("ON"); });
  return is(tokens, static_cast<std::size_t>(on - tokens.begin()) + 1, words);
}

bool calls_beyond(Tokens tokens) {
  for (std::size_t at = 0; at + 1 < tokens.size(); ++at) {
    const bool call = tokens[at].kind == SqlToken::Kind::kWord && tokens[at + 1].symbol('(');
    if (call && std::any_of(kFunctions.begin(), kFunctions.end(), [&](std::string_view name) {
          return tokens[at].text.starts_with(name);
        })) {
      return true;
    }
  }
  return false;
}

// Says what is to be done later, and does nothing now.
bool only_defines(Tokens tokens) {
  return is(tokens, 0, {"CREATE"}) && (is(tokens, 1, {"FUNCTION", "PROCEDURE", "VIEW", "RULE"}) ||
                                       (is(tokens, 1, {"OR"}) && is(tokens, 2, {"REPLACE"})));
}

bool statement_reaches(Tokens tokens);

// plpgsql: each statement in it by itself; where it puts statements together, the words that they
// are put together from.
bool body_reaches(std::string_view body) {
  const auto tokens = codec::tokenize_sql(codec::SqlDialect::kPostgreSql, body);
  if (!tokens) {
    return true;
  }
  const Tokens all(*tokens);
  const bool dynamic = holds(all, {"EXECUTE"});
  for (std::size_t at = 0; at < all.size(); ++at) {
    const bool begins =
        at == 0 || all[at - 1].symbol(';') || is(all, at - 1, {"BEGIN", "THEN", "ELSE", "LOOP"});
    if (begins) {
      std::size_t end = at;
      while (end < all.size() && !all[end].symbol(';')) {
        ++end;
      }
      if (statement_reaches(all.subspan(at, end - at))) {
        return true;
      }
    }
    if (dynamic && all[at].kind == SqlToken::Kind::kString) {
      const auto words = codec::tokenize_sql(codec::SqlDialect::kPostgreSql, all[at].text);
      if (!words || holds_wider(*words) || holds(*words, {"PROGRAM"}) || calls_beyond(*words)) {
        return true;
      }
    }
  }
  return false;
}

bool statement_reaches(Tokens tokens) {
  if (!only_defines(tokens) && calls_beyond(tokens)) {
    return true;
  }
  if (is(tokens, 0, {"CREATE", "ALTER", "DROP"})) {
    return is_wider(tokens, 1) && !is(tokens, 2, {"MAPPING"});
  }
  if (is(tokens, 0, {"COPY"})) {
    return holds(tokens, {"PROGRAM"}) || !holds(tokens, {"STDIN", "STDOUT"});
  }
  if (is(tokens, 0, {"GRANT", "REVOKE"})) {
    return !holds(tokens, {"ON"}) || is_on(tokens, {"DATABASE", "TABLESPACE", "PARAMETER"});
  }
  if (is(tokens, 0, {"COMMENT", "SECURITY"})) {
    return is_on(tokens, {"DATABASE", "ROLE", "TABLESPACE", "SUBSCRIPTION"});
  }
  if (is(tokens, 0, {"DO"})) {
    return std::any_of(tokens.begin(), tokens.end(), [](const SqlToken& token) {
      return token.kind == SqlToken::Kind::kString && body_reaches(token.text);
    });
  }
  return is(tokens, 0, {"REASSIGN", "LOAD"});
}

}  // namespace

std::optional<std::string> reaches_beyond(const std::vector<SqlStatement>& script) {
  for (const SqlStatement& statement : script) {
    const auto tokens = codec::tokenize_sql(codec::SqlDialect::kPostgreSql, statement.text);
    if (tokens && !tokens->empty() && statement_reaches(*tokens)) {
      return fmt::format(
          "line {}: the statement reaches beyond its database, so that it cannot be tried on a "
          "shadow",
          statement.line);
    }
  }
  return std::nullopt;
}

}  // namespace ripcord::postgres
