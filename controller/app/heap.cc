// SPDX-License-Identifier: Apache-2.0
#include "controller/app/heap.h"

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace ripcord::app {

void keep_heap_small() {
#ifdef __GLIBC__
  constexpr int kArenas = 2;
  constexpr int kLarge = 128 * 1024;
  mallopt(M_ARENA_MAX, kArenas);
  // Said, they no longer grow with what is freed: a large body is mapped, and unmapped after use.
  mallopt(M_MMAP_THRESHOLD, kLarge);
  mallopt(M_TRIM_THRESHOLD, kLarge);
#endif
}

}  // namespace ripcord::app
