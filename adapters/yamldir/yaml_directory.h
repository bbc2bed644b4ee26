// SPDX-License-Identifier: Apache-2.0
#pragma once
// Keeps an object store filled from a directory of manifests: a Git checkout, a git-sync link, a
// mounted ConfigMap. Saving a file changes the objects it names within milliseconds.
//
// - Every file stands alone. What is wrong in one is an error with file, line, column and field;
//   its good documents are applied, the objects of its bad ones keep their last good state.
// - An object carries where it came from (kSourceAnnotation, kRootAnnotation). It is removed when
//   its file, or its document in a file without errors, is gone; a file that is there again soon
//   (some editors move the old one away first) was never gone. A directory that is missing, cannot
//   be read, or has no manifest left at all removes nothing: it may be a volume that is not
//   mounted now.
// - An object has one home; a second file that names it is an error that says both.
// - A file is applied when its content changed, or when its object is missing: changes that others
//   make by the API stay until then. Fields that the file does not name are never touched.
//
// Fails by keeping errors() and trying again at the next look. One thread of its own from start()
// to stop(); errors() and synced() are safe from any. Everything passed in must outlive it.

#include "adapters/yamldir/claims.h"
#include "adapters/yamldir/inotify_watch.h"
#include "adapters/yamldir/tree.h"
#include "controller/base/clock.h"
#include "controller/base/log.h"
#include "controller/base/mutex.h"
#include "controller/codec/codec.h"
#include "controller/ports/metrics.h"
#include "controller/ports/object_store.h"

#include <array>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace ripcord::yamldir {

// Path of the file below the directory, and the directory.
inline constexpr std::string_view kSourceAnnotation = "ripcord.dev/source";
inline constexpr std::string_view kRootAnnotation = "ripcord.dev/source-root";

inline constexpr std::array<std::string_view, 1> kDirectoryLabel = {"directory"};
inline constexpr MetricDescriptor kManifestErrorsMetric = {
    "ripcord_manifest_errors", "Things that are wrong with the manifests of a directory now.",
    MetricType::kGauge, kDirectoryLabel};

struct YamlDirectoryOptions {
  std::string root;                                // the directory
  Duration quiet = std::chrono::milliseconds(1);   // a burst of changes ends after this silence,
  Duration burst = std::chrono::milliseconds(20);  // or after this time; a lone file waits for none
  Duration gone = std::chrono::milliseconds(100);  // how long a file may be away
  Duration rescan = std::chrono::seconds(30);      // looks at everything, whatever inotify said
};

class YamlDirectory {
 public:
  // `clock` must be one of real time: changes come when they come.
  YamlDirectory(YamlDirectoryOptions options, ObjectStore& store, MetricSink& metrics, Clock& clock,
                Logger log);
  ~YamlDirectory();

  // Looks at everything once and applies it. Not while started.
  void scan();
  // Looks at everything, then goes on in a thread. A directory that is not there is an error in
  // errors(), not here: it is taken in as soon as it appears.
  Status start();
  void stop();

  const std::string& root() const { return root_; }  // absolute
  // Whether the directory was seen whole at least once.
  bool synced() const;
  // What is wrong now, by file and line.
  std::vector<codec::ManifestError> errors() const;

 private:
  struct Source {
    FileStamp stamp;
    std::map<ObjectKey, codec::Manifest> manifests;
    std::vector<codec::ManifestError> errors;
    std::size_t digest = 0;  // of the text that was read
    bool readable = false;
  };
  using Texts = std::map<std::string, Result<FileText>>;  // by relative path

  // An object that is to be brought to what `manifest` of `file` says.
  struct Due {
    ObjectKey key;
    const codec::Manifest* manifest;
    std::string file;
  };

  void run(const std::stop_token& stop);
  void take_burst(Duration timeout, Changes& changes);
  bool sort_out_gone(Changes& changes);
  void look(bool with_watch);
  std::optional<Texts> read_changed();
  bool look_at_files(const std::set<std::string>& real_paths);
  void absorb(const Texts& texts, const std::map<ObjectKey, std::string>* stored);
  std::set<ObjectKey> absorb_one(const std::string& file, const Result<FileText>& text,
                                 const std::map<ObjectKey, std::string>* stored);
  std::map<ObjectKey, std::string> stored_objects() const;
  std::optional<Due> settle(const ObjectKey& key);
  void apply_all(const std::vector<Due>& due);
  Status apply(const codec::Manifest& manifest, const std::string& file);
  Status refuse_foreign(const Resource& live) const;
  bool still_declared(const std::string& file) const;
  bool may_be_unmounted(const std::map<ObjectKey, std::string>& stored) const;
  void prune(const ObjectKey& key, const std::string& file);
  void publish_errors();

  const YamlDirectoryOptions options_;
  const std::string root_;  // absolute, for the annotation
  ObjectStore& store_;
  MetricSink& metrics_;
  Clock& clock_;
  const Logger log_;

  // The thread's own.
  std::unique_ptr<InotifyWatch> watch_;
  Tree tree_;
  std::map<std::string, Source> sources_;
  Claims claims_;
  bool unreadable_ = false;                            // some file
  std::set<std::string> faulty_;                       // files with errors of their own
  std::set<std::string> gone_;                         // manifests that may come back
  MonoTime gone_until_;                                // when they count as removed
  std::map<ObjectKey, codec::ManifestError> refused_;  // by the store or by a foreign home
  std::map<ObjectKey, std::vector<codec::ManifestError>> duplicates_;

  mutable Mutex mutex_;
  bool synced_ GUARDED_BY(mutex_) = false;
  std::vector<codec::ManifestError> errors_ GUARDED_BY(mutex_);

  std::jthread thread_;
};

}  // namespace ripcord::yamldir
