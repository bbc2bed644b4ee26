// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/embedded_store/io_probe.h"

#include <csignal>
#include <new>
#include <utility>

#include <sqlite3.h>

namespace ripcord {

struct IoProbe::Vfs {
  sqlite3_vfs shim{};
  sqlite3_vfs* real = nullptr;
  Judge judge;
  AfterSync after_sync;
};

namespace {

// SQLite allocates one of these a file, with the real VFS's own file behind it.
struct ProbedFile {
  sqlite3_file base;
  IoProbe::Vfs* vfs;
  const char* path;  // SQLite's, valid while the file is open; null for temporary files
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

ProbedFile* probed(sqlite3_file* file) {
  return reinterpret_cast<ProbedFile*>(file);
}

sqlite3_file* real(sqlite3_file* file) {
  return probed(file)->real();
}

IoProbe::Vfs* probe_of(sqlite3_vfs* shim) {
  return static_cast<IoProbe::Vfs*>(shim->pAppData);
}

IoVerdict judge(sqlite3_file* file, IoStep::Type type) {
  const ProbedFile* p = probed(file);
  const IoVerdict verdict = p->vfs->judge({type, p->path == nullptr ? "" : p->path});
  if (verdict == IoVerdict::kDieBefore ||
      (verdict == IoVerdict::kDieHalfway && type != IoStep::Type::kWrite)) {
    std::raise(SIGKILL);
  }
  return verdict;
}

int probed_write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 at) {
  switch (judge(file, IoStep::Type::kWrite)) {
    case IoVerdict::kDieHalfway:
      real(file)->pMethods->xWrite(real(file), bytes, count / 2, at);
      return std::raise(SIGKILL);
    case IoVerdict::kFail:
      return SQLITE_IOERR_WRITE;
    default:
      return real(file)->pMethods->xWrite(real(file), bytes, count, at);
  }
}

int probed_truncate(sqlite3_file* file, sqlite3_int64 size) {
  return judge(file, IoStep::Type::kTruncate) == IoVerdict::kFail
             ? SQLITE_IOERR_TRUNCATE
             : real(file)->pMethods->xTruncate(real(file), size);
}

int probed_sync(sqlite3_file* file, int flags) {
  if (judge(file, IoStep::Type::kSync) == IoVerdict::kFail) {
    return SQLITE_IOERR_FSYNC;
  }
  const int code = real(file)->pMethods->xSync(real(file), flags);
  const ProbedFile* p = probed(file);
  if (code == SQLITE_OK && p->path != nullptr && p->vfs->after_sync) {
    p->vfs->after_sync(p->path);
  }
  return code;
}

// A method of the real file under the same signature.
template <auto Method>
struct Forward;
template <class... Args, int (*sqlite3_io_methods::*Method)(sqlite3_file*, Args...)>
struct Forward<Method> {
  static int call(sqlite3_file* file, Args... args) {
    return (real(file)->pMethods->*Method)(real(file), args...);
  }
};

void shm_barrier(sqlite3_file* file) {
  real(file)->pMethods->xShmBarrier(real(file));
}

using M = sqlite3_io_methods;
const sqlite3_io_methods kMethods = {
    2,
    &Forward<&M::xClose>::call,
    &Forward<&M::xRead>::call,
    &probed_write,
    &probed_truncate,
    &probed_sync,
    &Forward<&M::xFileSize>::call,
    &Forward<&M::xLock>::call,
    &Forward<&M::xUnlock>::call,
    &Forward<&M::xCheckReservedLock>::call,
    &Forward<&M::xFileControl>::call,
    &Forward<&M::xSectorSize>::call,
    &Forward<&M::xDeviceCharacteristics>::call,
    &Forward<&M::xShmMap>::call,
    &Forward<&M::xShmLock>::call,
    &shm_barrier,
    &Forward<&M::xShmUnmap>::call,
    nullptr,
    nullptr,
};

int probed_open(sqlite3_vfs* shim, const char* path, sqlite3_file* file, int flags, int* out) {
  auto* p = new (file) ProbedFile{{nullptr}, probe_of(shim), path};
  sqlite3_vfs* vfs = p->vfs->real;
  const int code = vfs->xOpen(vfs, path, p->real(), flags, out);
  p->base.pMethods = p->real()->pMethods == nullptr ? nullptr : &kMethods;
  return code;
}

int probed_remove(sqlite3_vfs* shim, const char* path, int sync_directory) {
  IoProbe::Vfs* probe = probe_of(shim);
  switch (probe->judge({IoStep::Type::kRemove, path})) {
    case IoVerdict::kDieBefore:
    case IoVerdict::kDieHalfway:
      return std::raise(SIGKILL);
    case IoVerdict::kFail:
      return SQLITE_IOERR_DELETE;
    case IoVerdict::kGoOn:
      break;
  }
  return probe->real->xDelete(probe->real, path, sync_directory);
}

}  // namespace

IoProbe::IoProbe(Judge judge, AfterSync after_sync) : vfs_(std::make_unique<Vfs>()) {
  vfs_->judge = std::move(judge);
  vfs_->after_sync = std::move(after_sync);
  vfs_->real = sqlite3_vfs_find(nullptr);
  // The methods that are not replaced know the real VFS by their own means, not by the pointer.
  vfs_->shim = *vfs_->real;
  vfs_->shim.zName = "probe";
  vfs_->shim.pNext = nullptr;
  vfs_->shim.szOsFile += static_cast<int>(sizeof(ProbedFile));
  vfs_->shim.pAppData = vfs_.get();
  vfs_->shim.xOpen = &probed_open;
  vfs_->shim.xDelete = &probed_remove;
  sqlite3_vfs_register(&vfs_->shim, 1);
}

IoProbe::~IoProbe() {
  sqlite3_vfs_unregister(&vfs_->shim);
  sqlite3_vfs_register(vfs_->real, 1);
}

}  // namespace ripcord
