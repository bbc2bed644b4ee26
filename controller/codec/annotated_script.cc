// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/annotated_script.h"

namespace ripcord::codec {
namespace {

class Reading {
 public:
  Reading(const std::string& file, const AnnotatedRules& rules) : file_(file), rules_(rules) {}

  Status line(std::string_view text) {
    ++number_;
    const Result<Annotation> found = rules_.reader(text);
    if (!found) {
      return bad_line(file_, number_, found.error().message());
    }
    switch (*found) {
      case Annotation::kNone:
        if (side_ != Side::kNone) {
          ends_.line(text, number_);
        }
        break;
      case Annotation::kUp:
      case Annotation::kUpAlone:
        up_alone_ = up_alone_ || *found == Annotation::kUpAlone;
        RETURN_IF_ERROR(open(Side::kUp));
        break;
      case Annotation::kDown:
      case Annotation::kDownAlone:
        down_alone_ = down_alone_ || *found == Annotation::kDownAlone;
        RETURN_IF_ERROR(open(Side::kDown));
        break;
      case Annotation::kStatementBegin:
        RETURN_IF_ERROR(ends_.begin(file_, number_));
        break;
      case Annotation::kStatementEnd:
        RETURN_IF_ERROR(ends_.end(file_, number_));
        break;
      case Annotation::kNoTransaction:
        up_alone_ = down_alone_ = true;
        break;
    }
    side_ == Side::kUp ? up_.take(text) : up_.skip();
    side_ == Side::kDown ? down_.take(text) : down_.skip();
    return {};
  }

  Result<Migration> finish() {
    RETURN_IF_ERROR(ends_.closed(file_));
    if (!up_seen_) {
      return as_return(bad_file(file_, "has no Up annotation, so nothing of it would be run"));
    }
    Migration migration;
    migration.up_file = file_;
    migration.up = up_alone_ ? without_transaction(up_.script()) : up_.script();
    if (down_seen_) {
      migration.down_file = file_;
      migration.down = down_alone_ ? without_transaction(down_.script()) : down_.script();
    }
    return migration;
  }

 private:
  enum class Side { kNone, kUp, kDown };

  Status open(Side side) {
    RETURN_IF_ERROR(ends_.closed(file_));
    const bool again = side == Side::kUp ? up_seen_ : down_seen_;
    if (rules_.once && again) {
      return bad_line(file_, number_, "a second section of the same direction; join the two");
    }
    if (rules_.once && side == Side::kUp && down_seen_) {
      return bad_line(file_, number_, "Up stands behind Down; put it in front");
    }
    if (rules_.once && side == Side::kDown && !up_seen_) {
      return bad_line(file_, number_, "Down stands in front of Up; put it behind");
    }
    (side == Side::kUp ? up_seen_ : down_seen_) = true;
    side_ = side;
    return {};
  }

  const std::string& file_;
  const AnnotatedRules& rules_;
  std::size_t number_ = 0;
  Side side_ = Side::kNone;
  bool up_seen_ = false;
  bool down_seen_ = false;
  bool up_alone_ = false;
  bool down_alone_ = false;
  StatementEnds ends_;
  LineScript up_;
  LineScript down_;
};

}  // namespace

Result<Migration> read_annotated(const SourceFile& file, const AnnotatedRules& rules) {
  ASSIGN_OR_RETURN(const std::string text, file.text());
  Reading reading(file.name, rules);
  for (const std::string_view line : lines_of(text)) {
    RETURN_IF_ERROR(reading.line(line));
  }
  return reading.finish();
}

}  // namespace ripcord::codec
