// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/yaml_reader.h"

#include "controller/codec/suggest.h"
#include "controller/codec/yaml_scalar.h"

#include <array>
#include <sstream>
#include <string>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

namespace ripcord::codec {
namespace {

constexpr std::string_view kTagPrefix = "tag:yaml.org,2002:";

// Ends yaml-cpp's parser once the builder has a problem.
struct Stop {};

class EventReader final : public YAML::EventHandler {
 public:
  EventReader(int first_line, TreeLimits limits) : first_line_(first_line), limits_(limits) {}

  TreeBuilder& builder() { return builder_; }
  Mark mark_of(const YAML::Mark& mark) const {
    return mark.is_null() ? Mark{first_line_, 1} : Mark{first_line_ + mark.line, mark.column + 1};
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    // yaml-cpp 0.7 starts one empty document after another, without end, at a stray comma.
    if (mark.pos <= last_start_) {
      builder_.fail(mark_of(mark),
                    "a stray ',' or bracket after the end of the document; remove it");
      throw Stop();
    }
    last_start_ = mark.pos;
    builder_ = TreeBuilder(limits_);
    anchors_.clear();
    anchored_nodes_ = 0;
    open_.clear();
  }
  void OnDocumentEnd() override {}
  void OnAnchor(const YAML::Mark&, const std::string&) override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (builder_.wants_key()) {
      check(builder_.fail(mark_of(mark), "a key is missing before ':'; write one"));
    }
    Node node;
    node.mark = mark_of(mark);
    finish_scalar(std::move(node), anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    const Mark at = mark_of(mark);
    if (builder_.wants_key()) {
      check(builder_.key(key_text(at, tag, text), at, tag == "?" && text == "<<"));
      if (anchor != 0) {
        remember(anchor, Node::string_of(text));
      }
      return;
    }
    Node node = scalar(at, tag, text);
    node.mark = at;
    finish_scalar(std::move(node), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) {
      check(builder_.fail(mark_of(mark),
                          "this alias stands inside its own anchor, which would "
                          "never end; write the value itself"));
      return;
    }
    if (builder_.wants_key()) {
      check(found->second.type == Node::Type::kString ||
            builder_.fail(mark_of(mark), "a key has to be text"));
      check(builder_.key(found->second.text, mark_of(mark)));
      return;
    }
    Node copy = found->second;
    copy.mark = mark_of(mark);
    check(builder_.value(std::move(copy)));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    begin(mark, tag, "seq", anchor);
    check(builder_.begin_list(mark_of(mark)));
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    begin(mark, tag, "map", anchor);
    check(builder_.begin_map(mark_of(mark)));
  }
  void OnMapEnd() override { end(); }

 private:
  static void check(bool ok) {
    if (!ok) {
      throw Stop();
    }
  }

  void begin(const YAML::Mark& mark, const std::string& tag, std::string_view own,
             YAML::anchor_t anchor) {
    if (builder_.wants_key()) {
      check(builder_.fail(mark_of(mark), "a key has to be text, not a list or a mapping"));
    }
    if (tag != "?" && tag != "!" && tag != fmt::format("{}{}", kTagPrefix, own)) {
      unknown_tag(mark_of(mark), tag);
    }
    open_.push_back(anchor);
  }

  void end() {
    const YAML::anchor_t anchor = open_.back();
    open_.pop_back();
    check(builder_.end());
    if (anchor != 0) {
      remember(anchor, builder_.last());
    }
  }

  void finish_scalar(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) {
      remember(anchor, node);
    }
    check(builder_.value(std::move(node)));
  }

  static std::size_t count(const Node& node) {
    std::size_t nodes = 1;
    for (const Node& item : node.items) {
      nodes += count(item);
    }
    for (const Member& member : node.members) {
      nodes += count(member.value);
    }
    return nodes;
  }

  // Every anchor keeps a copy; nested anchors would keep copies of copies.
  void remember(YAML::anchor_t anchor, const Node& node) {
    anchored_nodes_ += count(node);
    if (anchored_nodes_ > limits_.nodes) {
      check(builder_.fail(node.mark, fmt::format("more than {} values stand under anchors; write "
                                                 "fewer anchors",
                                                 limits_.nodes)));
    }
    anchors_[anchor] = node;
  }

  void unknown_tag(Mark at, std::string_view tag) {
    check(builder_.fail(at, fmt::format("the tag {} is not known; remove it, or use one of !!str, "
                                        "!!int, !!float, !!bool and !!null",
                                        echo(tag))));
  }

  Node scalar(Mark at, std::string_view tag, const std::string& text) {
    if (tag == "!" || tag == "tag:yaml.org,2002:str" || tag == "tag:yaml.org,2002:timestamp") {
      return Node::string_of(text);
    }
    Node node = resolve_plain(text);
    if (!is_finite_number(node)) {
      check(builder_.fail(at, fmt::format("{} is no number in JSON; write a finite one", text)));
    }
    if (tag == "?") {
      return node;
    }
    if (!tag.starts_with(kTagPrefix)) {
      unknown_tag(at, tag);
    }
    tag.remove_prefix(kTagPrefix.size());
    const bool integer = node.type == Node::Type::kInteger;
    const bool fits = (tag == "int" && integer) ||
                      (tag == "float" && (integer || node.type == Node::Type::kNumber)) ||
                      (tag == "bool" && node.type == Node::Type::kBool) ||
                      (tag == "null" && node.is_null());
    if (!fits && tag != "int" && tag != "float" && tag != "bool" && tag != "null") {
      unknown_tag(at, fmt::format("!!{}", tag));
    }
    check(fits || builder_.fail(at, fmt::format("{} is no {}; remove the tag !!{} or write one",
                                                echo(text), tag, tag)));
    return node;
  }

  std::string key_text(Mark at, std::string_view tag, const std::string& text) {
    const Node node = scalar(at, tag, text);
    const bool same_number =
        node.type == Node::Type::kInteger && fmt::format("{}", node.integer) == text;
    if (node.type != Node::Type::kString && !same_number) {
      check(builder_.fail(
          at, fmt::format("the key {} is {} in YAML, not text; write it in quotes: \"{}\"", text,
                          node.type == Node::Type::kBool ? "a boolean"
                          : node.is_null()               ? "null"
                                                         : "a number",
                          text)));
    }
    return text;
  }

  const int first_line_;
  const TreeLimits limits_;
  TreeBuilder builder_{limits_};
  int last_start_ = -1;
  std::vector<YAML::anchor_t> open_;  // anchors of the open lists and mappings, 0 = none
  std::unordered_map<YAML::anchor_t, Node> anchors_;
  std::size_t anchored_nodes_ = 0;
};

// What to do about yaml-cpp's messages. None of ours repeats text of the document.
std::string plain_message(std::string_view what) {
  struct Advice {
    std::string_view part;
    std::string_view message;
  };
  static constexpr std::array<Advice, 16> kAdvice = {{
      {"illegal map value",
       "a ':' where no key can be; put the text in quotes or check the indentation"},
      {"end of map flow not found", "'{' without its '}', or a ',' is missing before this"},
      {"end of sequence flow not found", "'[' without its ']', or a ',' is missing before this"},
      {"end of map not found", "the indentation does not fit the mapping above"},
      {"end of sequence not found", "the indentation does not fit the list above; start with '- '"},
      {"illegal flow end", "a '}' or ']' that nothing opened; remove it"},
      {"illegal EOF in scalar", "a quote is opened and not closed"},
      {"tab", "a tab in the indentation; use spaces"},
      {"illegal block entry", "a '- ' where no list can be; check the indentation"},
      {"illegal map key", "a key where none can be; check the indentation"},
      {"unknown escape character", "an unknown escape after '\\'; write '\\\\' for a backslash"},
      {"invalid unicode",
       "an escape that is no character; write the character itself instead of \\u"},
      {"bad character found while scanning hex number", "an escape needs hexadecimal digits"},
      {"referenced anchor is not defined",
       "an alias without its anchor; define &name before *name"},
      {"unknown token", "text that is no YAML; put it in quotes"},
      {"multiple", "more than one anchor, alias or tag on one value; keep one"},
  }};
  for (const Advice& advice : kAdvice) {
    if (what.find(advice.part) != std::string_view::npos) {
      return std::string(advice.message);
    }
  }
  return "this is no valid YAML; check quotes, brackets and indentation";
}

}  // namespace

YamlStream read_yaml(std::string_view text, int first_line, TreeLimits limits) {
  YamlStream stream;
  EventReader reader(first_line, limits);
  // Without this comment behind it, yaml-cpp 0.7 takes a quote that is never closed for closed and
  // a last line without ':' for a key.
  std::string closed(text);
  closed += text.ends_with('\n') ? "#" : "\n#";
  std::istringstream input(closed);
  try {
    YAML::Parser parser(input);
    while (parser.HandleNextDocument(reader)) {
      if (reader.builder().done()) {
        stream.documents.push_back(reader.builder().take_root());
      }
    }
  } catch (const Stop&) {
    stream.problem = reader.builder().problem();
  } catch (const YAML::DeepRecursion& exception) {
    stream.problem = Problem{
        reader.mark_of(exception.mark), "",
        fmt::format("nested more than {} levels deep; no manifest needs that", limits.depth)};
  } catch (const YAML::Exception& exception) {
    stream.problem = Problem{reader.mark_of(exception.mark), "", plain_message(exception.msg)};
  } catch (const std::exception& exception) {
    stream.problem = Problem{{first_line, 1}, "", plain_message(exception.what())};
  }
  return stream;
}

}  // namespace ripcord::codec
