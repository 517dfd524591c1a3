/* A disk for the simulation, under the real code of state/: the calls of RocksDB's C interface that
 * open, read and write a database are defined here (disk.c), and the linker prefers them to the
 * library's. Everything else (options, caches) stays the library's.
 *
 * A database is in memory while it is open; a column family reaches the disk when it is flushed,
 * whole, or by itself at any write. A crash leaves what is on the disk. Only what state/ uses is
 * there; what it can't do is CHECKed.
 *
 * Threads: one. */
#ifndef TESTS_SIM_DISK_H
#define TESTS_SIM_DISK_H

#include <stdbool.h>
#include <stdint.h>

/* The chance by which families are flushed by themselves; NULL: only when they are told to. */
void disk_set_chance(uint32_t (*below)(void *context, uint32_t bound), void *context);

/* Who opens databases from here on: any pointer that tells one process from another. */
void disk_set_user(const void *process);

/* A process dies: from here on it writes to nobody, and the next to open its databases finds what
 * was flushed. */
void disk_crash(const void *process);

/* Whether a batch has been written where two processes have the database open: each may have lost
 * its right to what it writes, and neither knows. */
bool disk_is_shared(void);

/* While the disk under `path` is full, no batch is written there. */
void disk_set_full(const char *path, bool full);

/* All files are deleted; nobody has any open. */
void disk_lose_all(void);

#endif
