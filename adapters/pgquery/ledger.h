// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is known while the statements of one script are judged one after another: what the script
// itself made (new and empty, so nobody waits for it and nothing in it can be lost), what each
// statement came to, and the findings. A finding can be withdrawn when a later statement makes it
// harmless (a function dropped and created anew). Not thread-safe: one a script.

#include "adapters/pgquery/tree.h"
#include "controller/codec/sql_review.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace ripcord::pgquery {

struct Judgement {
  SqlEffects effects;
  bool needs_no_transaction = false;
  bool transaction_control = false;
  bool neutral = false;  // SET and its like: goes with anything
};

// Where the text that is judged stands in the script. Not exact: in a quoted body, so that every
// location is that of `base`.
struct Place {
  std::string_view text;
  std::size_t base = 0;
  bool exact = true;
  std::size_t statement = 0;  // bytes from base
  std::size_t end = 0;        // of the statement, bytes from base
  std::string_view words() const { return text.substr(statement, end - statement); }
};

// A body that runs when it is called.
struct Routine {
  std::string language;
  std::string create;  // the whole statement
  std::string body;
  std::size_t offset = 0;  // of the statement in the script
};

// key -> whether the script certainly made it; false: IF NOT EXISTS, or under a condition.
using MadeObjects = std::map<std::string, bool, std::less<>>;

class Ledger {
 public:
  Ledger(std::string_view script, const MadeObjects* made_by_up);

  void open(const codec::StatementSpan& span);  // the next statement of the script
  Judgement& current() { return judgements.back(); }

  // What the script has made so far.
  void make(std::string key, bool certain = true);
  void make_anew(const std::string& key);  // what was dropped before is harmless by this
  void forget(const std::string& key);
  bool fresh(std::string_view key) const;
  bool certainly_fresh(std::string_view key) const;
  bool fresh_relation(const std::string& relation) const;

  // What the current statement does.
  void adds() { current().effects.additive = true; }
  void lock(LockMode mode, const std::string& relation, TableWork work = TableWork::kNone);
  void lose(DataLoss loss);
  void breaks(const std::string& why, const std::string& key = "");
  void unknown(const std::string& why);

  struct Subject {
    std::string text;   // "DROP TABLE t"
    std::string key{};  // what it is about; withdraw() and the up's objects go by it
    std::optional<SqlSeverity> at_most{};
  };
  void find(std::string_view rule, std::size_t offset, const Subject& subject);
  void withdraw(const std::string& key);

  std::size_t here() const;                            // start of the statement being judged
  std::size_t at(Node node) const;                     // its location, else here()
  std::size_t of_command(std::size_t index) const;     // the n-th action of an ALTER
  std::optional<std::string> locked_relation() const;  // by an earlier DDL statement

  std::vector<Judgement> judgements;
  MadeObjects made;
  std::map<std::string, Routine, std::less<>> routines;
  std::set<std::string> marks;    // "dropped:t", "validated:t": notes between statements
  std::set<std::string> calling;  // routines being judged, against endless recursion
  Place place;
  bool conditional = false;  // inside code: what is made may not be
  bool defining = false;     // a body that is only created: nothing happens yet

  std::vector<codec::RawFinding> take_findings();

 private:
  struct Entry {
    codec::RawFinding raw;
    std::string key;
  };
  struct Broken {
    std::size_t statement;
    std::string key;
  };
  void check_concurrent();

  std::string_view script_;
  const MadeObjects* made_by_up_;
  std::vector<codec::StatementSpan> spans_;
  std::vector<Entry> found_;
  std::set<std::tuple<std::size_t, int, std::size_t>> seen_;  // offset, rule, hash of the message
  std::vector<Broken> broken_;
  std::vector<std::pair<std::size_t, std::string>> ddl_locks_;  // statement, relation
};

}  // namespace ripcord::pgquery
