/* What the store and its shelves share of RocksDB. Only state/ and its tests include
 * this. */
#ifndef STATE_STORE_ROCKS_H
#define STATE_STORE_ROCKS_H

#include <pthread.h>
#include <rocksdb/c.h>

#include "state/shelf.h"

enum { SHELF_NAME_MAX = 64 + TOPIC_NAME_MAX + 16 };

struct shelf {
	struct store *store;
	rocksdb_column_family_handle_t *handle;
	char name[SHELF_NAME_MAX];
	rocksdb_pinnableslice_t *pinned; /* what the last get lent out */
	char *position;			 /* likewise, the last position */
	bool damaged;
	bool dropped;	  /* by a wipe that is not over */
	int damage_count; /* since the store was opened */
};

struct store {
	char *path;    /* owned */
	int lock_file; /* -1: none */
	uint64_t room_bytes;
	size_t load_bytes; /* that a shelf_load may hold */
	rocksdb_t *db;
	rocksdb_options_t *options;
	rocksdb_block_based_table_options_t *table_options;
	rocksdb_cache_t *block_cache;
	rocksdb_writeoptions_t *write_options;
	size_t cache_bytes;		     /* of the block cache */
	rocksdb_readoptions_t *read_options; /* blocks that are read don't go into it */
	rocksdb_readoptions_t *fill_options; /* they do */
	rocksdb_readoptions_t *scan_options; /* they don't; what follows is read ahead */
	rocksdb_column_family_handle_t *default_family;
	pthread_mutex_t lock; /* of the list below: workers open shelves side by side */
	struct shelf **shelves;
	size_t shelf_count;
};

/* Errors: as store_batch_write. */
ERR_MUST_USE struct err *store_write(struct store *store, rocksdb_writebatch_t *batch);

/* How to read a few states. While all indexes and filters have room in the block cache they are in
 * it since their table was opened, and states would only push them out. Later on what had to go
 * must be able to come back, and the states compete with it. */
const rocksdb_readoptions_t *store_read_options(const struct store *store);

/* RETRY STORE_FULL where the disk has less room than must stay free. */
ERR_MUST_USE struct err *store_room(const struct store *store);

/* RocksDB's message (stolen) after a write, as an error; a damaged database is marked. */
struct err *store_write_error(struct store *store, const char *doing, char *message);

/* The same after a flush, which is none where RocksDB can't do it while writes wait for it to catch
 * up: it is flushed the next time. */
struct err *store_flush_error(struct store *store, char *message);

/* RocksDB's message (stolen) after a read, as an error; a damaged shelf is marked. */
struct err *store_read_error(struct shelf *shelf, char *message);

/* Why an iterator is not valid; NULL: it is at the end. */
ERR_MUST_USE struct err *store_iterator_error(struct shelf *shelf,
					      const rocksdb_iterator_t *iterator);

/* Bytes that pass RocksDB's checks but can't be foretell's. */
struct err *store_unreadable(struct shelf *shelf, const char *what);

ERR_MUST_USE struct err *store_flush(struct shelf *shelf, bool wait);
void shelf_release(struct shelf *shelf); /* what it lent out */

#endif
