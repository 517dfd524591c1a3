/* How memory.max is shared out: what RocksDB, the Kafka clients, the transactions and the caches of
 * all workers of a process may hold together. Pure.
 *
 *     program, its libraries and threads            BUDGET_PROCESS_BYTES
 *     each worker's fixed tables                    BUDGET_WORKER_BYTES
 *     of what is left: a quarter to the store, and the rest to the workers, each of them
 *         1/2 cache of states      1/4 fetched, not yet processed (half of it by what puts
 *                                      several inputs in order, and by a standby)
 *         1/8 producer's queue     1/16 outputs of a transaction    1/16 states that it publishes
 *
 * docs/operate.md has this table, too. */
#ifndef CLI_BUDGET_H
#define CLI_BUDGET_H

#include <stddef.h>
#include <stdint.h>

enum {
	BUDGET_PROCESS_BYTES = 56 * 1024 * 1024,
	BUDGET_WORKER_BYTES = 12 * 1024 * 1024,
	BUDGET_BYTES_MIN = 288 * 1024 * 1024,
};

struct budget {
	size_t store_bytes;
	/* of each worker */
	size_t cache_bytes, fetch_bytes, producer_bytes, output_bytes, publish_bytes;
};

/* The least that so many workers can work with. */
int64_t budget_least(size_t worker_count);

/* Shares memory_max (at least budget_least) out among worker_count > 0 workers. */
void budget_share(int64_t memory_max, size_t worker_count, struct budget *budget);

#endif
