// SPDX-License-Identifier: Apache-2.0
#include "tests/support/crds/corpus.h"

#include "controller/codec/yaml_reader.h"
#include "tests/support/crds/schema.h"
#include "tests/support/paths/paths.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace ripcord {
namespace {

namespace fs = std::filesystem;
using codec::Node;

std::string repeated(const std::string& text) {
  std::istringstream words(text);
  std::string marker, piece, all;
  std::size_t times = 0;
  words >> marker >> times >> piece;
  for (std::size_t i = 0; i < times; ++i) {
    all += piece;
  }
  return all;
}

// Of "$list 3" and "$keys 3".
std::size_t number_in(const std::string& key) {
  return std::stoul(key.substr(key.find(' ')));
}

// RFC 7386: null removes.
Node merged(Node target, const Node& patch) {
  if (patch.type == Node::Type::kString && patch.text.starts_with("$repeat ")) {
    return Node::string_of(repeated(patch.text));
  }
  if (patch.type == Node::Type::kString && patch.text == "$null") {
    return {};
  }
  if (patch.type == Node::Type::kList) {
    Node list = Node::list();
    for (const Node& item : patch.items) {
      list.items.push_back(merged({}, item));
    }
    return list;
  }
  if (!patch.is_map()) {
    return patch;
  }
  if (patch.members.size() == 1 && patch.members[0].key.starts_with("$list ")) {
    Node list = Node::list();
    list.items.assign(number_in(patch.members[0].key), merged({}, patch.members[0].value));
    return list;
  }
  if (!target.is_map()) {
    target = Node::map();
  }
  for (const codec::Member& member : patch.members) {
    if (member.key.starts_with("$keys ")) {
      for (std::size_t i = 0; i < number_in(member.key); ++i) {
        target.set("k" + std::to_string(i), merged({}, member.value));
      }
      continue;
    }
    if (member.value.is_null()) {
      target.erase(member.key);
      continue;
    }
    const Node* old = target.find(member.key);
    const std::string key = member.key.starts_with("$repeat ") ? repeated(member.key) : member.key;
    target.set(key, merged(old == nullptr ? Node() : *old, member.value));
  }
  return target;
}

std::string text_at(const Node& node, std::string_view key) {
  const Node* found = node.find(key);
  return found == nullptr ? "" : found->text;
}

CorpusCase case_of(const std::string& file, const Node& base, const Node& node) {
  CorpusCase made;
  made.file = file;
  made.name = field_at(node, "case").text;
  made.field = text_at(node, "invalid");
  made.server_field = made.field;
  made.because = text_at(node, "because");
  const Node* change = node.find("merge");
  made.manifest = codec::to_json(change == nullptr ? base : merged(base, *change));
  const std::string server = text_at(node, "server");
  if (server == "accepts") {
    made.server_accepts = true;
  } else if (!server.empty()) {
    if (!made.field.starts_with(server)) {
      throw std::runtime_error(file + ": " + made.name + ": server has to name a parent");
    }
    made.server_field = server;
  }
  if (!server.empty() && made.because.empty()) {
    throw std::runtime_error(file + ": " + made.name + ": write because");
  }
  for (const codec::Member& member : node.members) {
    const std::vector<std::string> known = {"case", "merge", "invalid", "server", "because"};
    if (std::find(known.begin(), known.end(), member.key) == known.end()) {
      throw std::runtime_error(file + ": " + made.name + ": unknown key " + member.key);
    }
  }
  return made;
}

}  // namespace

std::vector<CorpusCase> read_corpus() {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(fs::path(source_dir()) / "tests/golden/corpus")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<CorpusCase> cases;
  for (const fs::path& path : files) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const codec::YamlStream stream = codec::read_yaml(text, 1, {});
    if (stream.problem || stream.documents.size() != 1) {
      throw std::runtime_error(path.string() + " is not one YAML document: " +
                               (stream.problem ? stream.problem->message : ""));
    }
    const Node& root = stream.documents.front();
    for (const Node& node : field_at(root, "cases").items) {
      cases.push_back(case_of(path.filename(), field_at(root, "base"), node));
    }
  }
  return cases;
}

}  // namespace ripcord
