// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/simulated_world.h"

#include "controller/base/time_text.h"
#include "controller/codec/codec.h"

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <set>
#include <stdexcept>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace ripcord::codec {
namespace {

// Thrown inside this file only; the fence below turns it into a Status.
struct Refused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[noreturn]] void refuse(const YAML::Node& node, std::string_view field, std::string_view message) {
  throw Refused(fmt::format("line {}: {}: {}", node.Mark().line + 1, field, message));
}

// One mapping whose fields are all known. Every field that is asked for is read by name.
class Fields {
 public:
  Fields(const YAML::Node& node, std::string path, std::initializer_list<const char*> known)
      : node_(node), path_(std::move(path)) {
    if (!node.IsMap()) {
      refuse(node, path_, "must be a mapping");
    }
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const auto key = entry.first.as<std::string>();
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        refuse(entry.first, at(key),
               fmt::format("unknown field; known are {}", fmt::join(known, ", ")));
      }
      if (!seen.insert(key).second) {
        refuse(entry.first, at(key), "is there twice; write it once");
      }
    }
  }

  std::string at(std::string_view field) const { return fmt::format("{}.{}", path_, field); }
  bool has(const char* field) const { return node_[field].IsDefined(); }

  YAML::Node list(const char* field) const {
    if (!has(field)) {
      return YAML::Node(YAML::NodeType::Sequence);
    }
    const YAML::Node found = node_[field];
    if (!found.IsSequence()) {
      refuse(found, at(field), "must be a list");
    }
    return found;
  }
  YAML::Node required(const char* field) const {
    if (!has(field)) {
      refuse(node_, at(field), "is missing");
    }
    return node_[field];
  }
  std::string text(const char* field) const {
    const YAML::Node found = required(field);
    if (!found.IsScalar() || found.Scalar().empty()) {
      refuse(found, at(field), "must be text that is not empty");
    }
    return found.Scalar();
  }
  std::int64_t count(const char* field, std::int64_t fallback) const {
    return has(field) ? number(node_[field], at(field)) : fallback;
  }
  Duration duration(const char* field) const {
    if (!has(field)) {
      return Duration::zero();
    }
    const Result<Duration> parsed = parse_duration(text(field));
    if (!parsed || *parsed < Duration::zero()) {
      refuse(node_[field], at(field), "must be a duration that is not negative, such as 5s");
    }
    return *parsed;
  }
  // The one of the two words that is there.
  bool word(const char* field, std::string_view yes, std::string_view no) const {
    if (!has(field)) {
      return yes == "true";
    }
    const std::string found = text(field);
    if (found != yes && found != no) {
      refuse(node_[field], at(field), fmt::format("must be {} or {}", yes, no));
    }
    return found == yes;
  }

  static std::int64_t number(const YAML::Node& node, const std::string& field) {
    std::int64_t value = 0;
    const std::string text = node.IsScalar() ? node.Scalar() : std::string();
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || end.ec != std::errc() || end.ptr != text.data() + text.size() ||
        value < 0) {
      refuse(node, field, "must be a whole number from 0 to 9223372036854775807");
    }
    return value;
  }

 private:
  YAML::Node node_;
  std::string path_;
};

SimulatedDatabase read_database(const YAML::Node& node, const std::string& path) {
  const Fields fields(node, path, {"name", "initialVersion", "upCost", "downCost"});
  SimulatedDatabase out;
  out.name = fields.text("name");
  if (const std::string initial = fields.text("initialVersion"); initial != "FirstMessage") {
    out.initial_version =
        Fields::number(fields.required("initialVersion"), fields.at("initialVersion"));
  }
  out.up_cost = fields.duration("upCost");
  out.down_cost = fields.duration("downCost");
  return out;
}

SimulatedEnvironment read_environment(const YAML::Node& node, const std::string& path) {
  const Fields fields(node, path, {"name", "addresses", "healthy"});
  SimulatedEnvironment out{fields.text("name"), {}, fields.word("healthy", "true", "false")};
  for (const auto& address : fields.list("addresses")) {
    out.addresses.push_back(address.as<std::string>());
  }
  if (out.addresses.empty()) {
    refuse(node, fields.at("addresses"), "needs at least one host:port");
  }
  return out;
}

SimulatedRouter read_router(const YAML::Node& node, const std::string& path) {
  const Fields fields(node, path, {"name", "environments", "active", "switchCost"});
  SimulatedRouter out;
  out.name = fields.text("name");
  for (const auto& environment : fields.list("environments")) {
    out.environments.push_back(read_environment(
        environment, fmt::format("{}.environments[{}]", path, out.environments.size())));
  }
  out.active = fields.text("active");
  out.switch_cost = fields.duration("switchCost");
  if (std::none_of(out.environments.begin(), out.environments.end(),
                   [&](const auto& e) { return e.name == out.active; })) {
    refuse(node, fields.at("active"), "must be the name of one of its environments");
  }
  return out;
}

SimulatedBackup read_backup(const YAML::Node& node, const std::string& path) {
  const Fields fields(node, path, {"name", "rows", "bytes", "cost"});
  return {fields.text("name"), fields.count("rows", 0), fields.count("bytes", 0),
          fields.duration("cost")};
}

SimulatedFlags read_flags(const YAML::Node& node, const std::string& path) {
  const Fields fields(node, path, {"unknown", "declared"});
  SimulatedFlags out;
  out.create_unknown = fields.has("unknown") && fields.word("unknown", "Create", "Refuse");
  for (const auto& key : fields.list("declared")) {
    out.declared.push_back(key.as<std::string>());
  }
  return out;
}

template <class T, class Read>
std::vector<T> read_list(const Fields& spec, const char* field, Read read) {
  std::vector<T> out;
  for (const auto& item : spec.list(field)) {
    out.push_back(read(item, fmt::format("spec.{}[{}]", field, out.size())));
  }
  return out;
}

template <class T>
void refuse_twins(const YAML::Node& spec, const std::vector<T>& items, std::string_view field) {
  std::set<std::string> names;
  for (const T& item : items) {
    if (!names.insert(item.name).second) {
      refuse(spec, field, fmt::format("name '{}' is there twice", item.name));
    }
  }
}

SimulatedWorldSpec read_world(const YAML::Node& root) {
  const Fields document(root, "document", {"apiVersion", "kind", "metadata", "spec"});
  if (document.text("kind") != "SimulatedWorld") {
    refuse(root, "kind", "must be SimulatedWorld");
  }
  if (document.text("apiVersion") != kApiVersion) {
    refuse(root, "apiVersion", fmt::format("must be {}", kApiVersion));
  }
  const Fields metadata(document.required("metadata"), "metadata", {"name"});
  const YAML::Node spec_node = document.required("spec");
  const Fields spec(spec_node, "spec", {"databases", "routers", "backups", "flags"});
  SimulatedWorldSpec out;
  out.name = metadata.text("name");
  out.databases = read_list<SimulatedDatabase>(spec, "databases", read_database);
  out.routers = read_list<SimulatedRouter>(spec, "routers", read_router);
  out.backups = read_list<SimulatedBackup>(spec, "backups", read_backup);
  if (spec.has("flags")) {
    out.flags = read_flags(spec.required("flags"), "spec.flags");
  }
  refuse_twins(spec_node, out.databases, "spec.databases");
  refuse_twins(spec_node, out.routers, "spec.routers");
  return out;
}

}  // namespace

// Fence: what yaml-cpp throws ends here.
Result<SimulatedWorldSpec> decode_simulated_world(std::string_view yaml) {
  if (yaml.size() > kMaxDocumentBytes) {
    return error(StatusCode::kInvalidArgument,
                 fmt::format("the document is longer than {} bytes", kMaxDocumentBytes));
  }
  try {
    return read_world(YAML::Load(std::string(yaml)));
  } catch (const std::exception& e) {
    return error(StatusCode::kInvalidArgument, fmt::format("SimulatedWorld: {}", e.what()));
  }
}

}  // namespace ripcord::codec
