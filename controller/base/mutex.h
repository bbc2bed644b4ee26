// SPDX-License-Identifier: Apache-2.0
#pragma once
// std::mutex and std::condition_variable with Clang's thread-safety annotations (the analysis does
// not know libstdc++'s own types). Members shared by threads carry GUARDED_BY; the
// thread-safety preset checks it.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#if defined(__clang__)
#define RIPCORD_TSA(x) __attribute__((x))
#else
#define RIPCORD_TSA(x)
#endif
#define CAPABILITY(x) RIPCORD_TSA(capability(x))
#define SCOPED_CAPABILITY RIPCORD_TSA(scoped_lockable)
#define GUARDED_BY(x) RIPCORD_TSA(guarded_by(x))
#define PT_GUARDED_BY(x) RIPCORD_TSA(pt_guarded_by(x))
#define REQUIRES(...) RIPCORD_TSA(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) RIPCORD_TSA(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) RIPCORD_TSA(acquire_capability(__VA_ARGS__))
#define RELEASE(...) RIPCORD_TSA(release_capability(__VA_ARGS__))
#define TRY_ACQUIRE(...) RIPCORD_TSA(try_acquire_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS RIPCORD_TSA(no_thread_safety_analysis)

namespace ripcord {

class CAPABILITY("mutex") Mutex {
 public:
  void lock() ACQUIRE() { mutex_.lock(); }
  void unlock() RELEASE() { mutex_.unlock(); }
  bool try_lock() TRY_ACQUIRE(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ACQUIRE(mutex) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() RELEASE() { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Waits release the mutex and hold it again on return; wake-ups may be spurious, so wait in a loop.
class CondVar {
 public:
  void notify_one() { cv_.notify_one(); }
  void notify_all() { cv_.notify_all(); }
  void wait(Mutex& mutex) REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> held(mutex.mutex_, std::adopt_lock);
    cv_.wait(held);
    held.release();
  }
  // False when the deadline passed.
  template <class C, class D>
  bool wait_until(Mutex& mutex, std::chrono::time_point<C, D> deadline)
      REQUIRES(mutex) NO_THREAD_SAFETY_ANALYSIS {
    std::unique_lock<std::mutex> held(mutex.mutex_, std::adopt_lock);
    const bool in_time = cv_.wait_until(held, deadline) == std::cv_status::no_timeout;
    held.release();
    return in_time;
  }

 private:
  std::condition_variable cv_;
};

}  // namespace ripcord
