/* Filling an empty shelf in bulk, from a log in which a key may come several times: the last one
 * counts. Sorted runs go into the shelf as files, past RocksDB's write buffers, whose upkeep would
 * take most of the time; little goes as a batch. The due index is derived at the end, when each
 * key has its one last state.
 *
 *   put, put, ... write, put, ... write ─► index, write until done ─► (the caller's position)
 *
 * Memory: one run of at most a third of the store's. Threads: the shelf's worker. A load that is
 * cut short leaves a shelf without a position, which counts as absent. */
#ifndef STATE_SHELF_LOAD_H
#define STATE_SHELF_LOAD_H

#include "state/shelf.h"

#define SHELF_LOAD_SUFFIX ".load" /* of a file that is being written */

struct shelf_load;

struct shelf_load *shelf_load_new(struct shelf *shelf); /* of an empty shelf */
void shelf_load_free(struct shelf_load **load);

/* False: shelf_load_write first. An empty load has room for any state. */
bool shelf_load_has_room(const struct shelf_load *load, struct bytes key, struct bytes state);
void shelf_load_put(struct shelf_load *load, uint8_t kind, struct bytes key, int64_t lsn,
		    int64_t due_ms, struct bytes state);
void shelf_load_delete(struct shelf_load *load, uint8_t kind, struct bytes key);

/* Writes what was put to the shelf. Errors: as store_batch_write; after RETRY the load has it
 * still, and this may be called again. */
ERR_MUST_USE struct err *shelf_load_write(struct shelf_load *load);

/* Collects due entries of the states that were written, from where the last call ended, as many as
 * there is room for; write them. *done: these were the last. Errors: as shelf_get. */
ERR_MUST_USE struct err *shelf_load_index(struct shelf_load *load, bool *done);

#endif
