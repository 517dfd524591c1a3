#include "cli/budget.h"

#include "base/check.h"

enum {
	STORE_SHARE = 4,
	LEAST_BYTES = 4 * 1024 * 1024, /* of a worker, however many there are */
};

void budget_share(int64_t memory_max, size_t worker_count, struct budget *budget)
{
	CHECK(memory_max >= BUDGET_BYTES_MIN && worker_count > 0);
	int64_t count = (int64_t)worker_count;
	int64_t left = memory_max - BUDGET_PROCESS_BYTES - count * BUDGET_WORKER_BYTES;
	if (left < STORE_SHARE * count * LEAST_BYTES)
		left = STORE_SHARE * count * LEAST_BYTES;
	size_t store = (size_t)left / STORE_SHARE, worker = ((size_t)left - store) / worker_count;
	*budget = (struct budget){
		.store_bytes = store,
		.cache_bytes = worker / 2,
		.fetch_bytes = worker / 4,
		.producer_bytes = worker / 8,
		.output_bytes = worker / 16,
		.publish_bytes = worker / 16,
	};
}
