// SPDX-License-Identifier: Apache-2.0
#pragma once
// How the C library's heap is used by this process.

namespace ripcord::app {

// Few arenas for many threads, and what is freed at the end of the heap goes back: without it each
// of some forty threads keeps what its largest list once took. Call it first, before any thread.
// Settings from the environment (MALLOC_ARENA_MAX) do not count then. Does nothing without glibc.
void keep_heap_small();

}  // namespace ripcord::app
