// SPDX-License-Identifier: Apache-2.0
#include "controller/codec/codec.h"
#include "controller/codec/documents.h"
#include "controller/codec/manifest_document.h"
#include "controller/codec/resource_codec.h"
#include "controller/codec/suggest.h"
#include "controller/model/validation.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>
#include <variant>

#include <fmt/format.h>

namespace ripcord::codec {
namespace {

constexpr std::size_t kMaxFileBytes = 64 * kMaxDocumentBytes;
constexpr std::size_t kShownProblems = 50;

// Where a field is written, or the nearest thing above it that is: "spec.environments[1].address".
Mark mark_of(const Node& root, std::string_view path) {
  const Node* node = &root;
  Mark mark = root.mark;
  while (!path.empty() && node != nullptr) {
    if (path.front() == '[') {
      const std::size_t index = std::strtoull(std::string(path.substr(1)).c_str(), nullptr, 10);
      node = index < node->items.size() ? &node->items[index] : nullptr;
      mark = node == nullptr ? mark : node->mark;
      path.remove_prefix(std::min(path.find(']'), path.size() - 1) + 1);
      continue;
    }
    path.remove_prefix(path.front() == '.' ? 1 : 0);
    // A key may hold dots itself: the whole rest first, then up to the next separator.
    const Member* member = node->member(path);
    std::size_t length = path.size();
    if (member == nullptr) {
      length = std::min(path.find_first_of(".["), path.size());
      member = node->member(path.substr(0, length));
    }
    if (member == nullptr) {
      return mark;
    }
    mark = member->mark;
    node = &member->value;
    path.remove_prefix(length);
  }
  return mark;
}

class FileReader {
 public:
  explicit FileReader(std::string file) : file_(std::move(file)) {}

  void read_root(const Node& root) {
    const Node* kind = root.find("kind");
    if (kind != nullptr && is_list_kind(kind->text)) {
      read_list(root);
    } else {
      read_object(root, "");
    }
  }
  void report(Problems problems, std::string_view prefix = {}) {
    std::stable_sort(problems.begin(), problems.end(), [](const Problem& a, const Problem& b) {
      return std::pair(a.mark.line, a.mark.column) < std::pair(b.mark.line, b.mark.column);
    });
    for (std::size_t i = 0; i < problems.size() && i < kShownProblems; ++i) {
      Problem& problem = problems[i];
      std::string field = std::string(prefix) + problem.field;
      if (field.ends_with('.')) {
        field.pop_back();
      }
      add(problem.mark, std::move(field), std::move(problem.message));
    }
    if (problems.size() > kShownProblems) {
      add(problems.back().mark, "",
          fmt::format("and {} more errors", problems.size() - kShownProblems));
    }
  }
  ManifestFile take() { return std::move(result_); }

 private:
  void add(Mark mark, std::string field, std::string message) {
    result_.errors.push_back({file_, mark.line, mark.column, std::move(field), std::move(message)});
  }

  static bool is_list_kind(std::string_view kind) {
    return kind == "List" ||
           (kind.ends_with("List") && kind_from_name(kind.substr(0, kind.size() - 4)).has_value());
  }

  void read_list(const Node& root) {
    Problems problems;
    const Node* items = root.find("items");
    if (items == nullptr || items->type != Node::Type::kList) {
      problems.push_back({root.mark, "items", "is missing or no list; write `items: [...]`"});
    }
    for (const Member& member : root.members) {
      const std::vector<std::string_view> known = {"apiVersion", "kind", "metadata", "items"};
      if (std::find(known.begin(), known.end(), member.key) == known.end()) {
        problems.push_back(
            {member.mark, member.key, "unknown field; " + suggestion(member.key, known)});
      }
    }
    const bool readable = problems.empty();
    report(std::move(problems));
    for (std::size_t i = 0; readable && i < items->items.size(); ++i) {
      read_object(items->items[i], fmt::format("items[{}].", i));
    }
  }

  // What could not be read has its default now; nothing more is to be said about it.
  static bool follows_from(const Problems& unreadable, const Resource& object,
                           std::string_view path) {
    if (path == "spec.key" && object.meta.name.empty()) {
      return true;  // the key's default is the name
    }
    return std::any_of(unreadable.begin(), unreadable.end(), [&](const Problem& problem) {
      return problem.field.starts_with(path) || path.starts_with(problem.field);
    });
  }

  // The model keeps one list of addresses; a list of one was still written as a list.
  static std::string as_written(const Node& root, std::string path) {
    constexpr std::string_view kEnvironment = "spec.environments[";
    if (!path.starts_with(kEnvironment) || !path.ends_with("].address")) {
      return path;
    }
    const std::size_t index = std::strtoull(path.c_str() + kEnvironment.size(), nullptr, 10);
    const Node* many = root.find("spec")->find("environments")->items.at(index).find("addresses");
    return many == nullptr || many->items.empty() ? path : path + "es[0]";
  }

  void read_object(const Node& root, const std::string& prefix) {
    Problems problems;
    std::optional<Resource> object = resource_of(root, Origin::kManifest, problems);
    if (object && problems.size() < kShownProblems) {
      const Problems unreadable = problems;
      for (FieldError& error : validate(*object)) {
        if (follows_from(unreadable, *object, error.path)) {
          continue;
        }
        std::string path = as_written(root, std::move(error.path));
        problems.push_back({mark_of(root, path), std::move(path), std::move(error.message)});
      }
    }
    if (object && problems.empty()) {
      const auto [first, added] = seen_.emplace(object->key(), root.mark.line);
      if (added) {
        result_.manifests.push_back({std::move(*object), document_of(root), file_, root.mark.line});
        return;
      }
      // Nobody can say which of the two is meant, so neither is applied.
      std::erase_if(result_.manifests,
                    [&](const Manifest& m) { return m.object.key() == object->key(); });
      problems.push_back({mark_of(root, "metadata.name"), "metadata.name",
                          fmt::format("{} is in this file already, at line {}; keep one of the two",
                                      ripcord::to_string(object->key()), first->second)});
    }
    report(std::move(problems), prefix);
  }

  const std::string file_;
  ManifestFile result_;
  std::map<ObjectKey, int> seen_;
};

}  // namespace

ManifestFile read_manifests(std::string_view text, const std::string& file) {
  FileReader reader(file);
  if (text.size() > kMaxFileBytes) {
    reader.report({{{1, 1},
                    "",
                    fmt::format("the file has {} bytes; the most is {} (64 MiB)", text.size(),
                                kMaxFileBytes)}});
    return reader.take();
  }
  Documents documents = read_documents(text, file.ends_with(".json"));
  for (const Node& root : documents.roots) {
    reader.read_root(root);
  }
  reader.report(std::move(documents.problems));
  ManifestFile result = reader.take();
  std::stable_sort(result.errors.begin(), result.errors.end(),
                   [](const ManifestError& a, const ManifestError& b) { return a.line < b.line; });
  return result;
}

void resolve_relative_paths(Resource& object, const std::string& manifest_file) {
  const std::filesystem::path folder = std::filesystem::path(manifest_file).parent_path();
  const auto resolve = [&](std::string& path) {
    if (!path.empty() && std::filesystem::path(path).is_relative()) {
      path = (folder / path).lexically_normal().string();
    }
  };
  const auto resolve_database = [&](DatabaseRef& database) {
    resolve(database.url_file);
    if (database.engine == Engine::kSqlite) {
      resolve(database.path);
    }
  };
  if (auto* migration = std::get_if<MigrationVersionSpec>(&object.spec)) {
    resolve_database(migration->database);
    resolve(migration->source.directory);
    if (migration->policy.archive) {
      resolve(migration->policy.archive->directory);
    }
  } else if (auto* restore = std::get_if<RestoreRequestSpec>(&object.spec)) {
    resolve_database(restore->database);
    resolve(restore->catalog_directory);
  }
}

}  // namespace ripcord::codec
