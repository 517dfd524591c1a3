#include "cli/budget.h"

#include "base/check.h"

enum {
	STORE_SHARE = 4,
	LEAST_BYTES = 4 * 1024 * 1024, /* of a worker, besides its fixed tables */
};

int64_t budget_least(size_t worker_count)
{
	return BUDGET_PROCESS_BYTES +
	       (int64_t)worker_count * (BUDGET_WORKER_BYTES + STORE_SHARE * LEAST_BYTES);
}

void budget_share(int64_t memory_max, size_t worker_count, struct budget *budget)
{
	CHECK(worker_count > 0 && memory_max >= budget_least(worker_count));
	int64_t left = memory_max - BUDGET_PROCESS_BYTES -
		       (int64_t)worker_count * BUDGET_WORKER_BYTES;
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
