/* A progress bar on stderr: share done, count, rate and time left. Nothing at all where stderr is
 * not a terminal, so that logs stay logs.
 *
 * Threads: one. Redraws at most ten times a second, so update may be called per record. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdint.h>

struct progress;

/* A new bar. label: what is being done ("ingest"); unit: what is counted ("rows"); total: how many
 * there will be, -1 where nobody knows. Both texts are borrowed until progress_finish. */
struct progress *progress_new(const char *label, const char *unit, int64_t total);

/* `count` of the total are done. `share` (0 to 1) sets the bar where the count's total is unknown
 * but the work's is (bytes of a file); negative: count / total. */
void progress_update(struct progress *progress, int64_t count, double share);

/* Draws the last state, ends the line and frees. NULL-safe; *progress becomes NULL. */
void progress_finish(struct progress **progress);

#endif
