/* cli/budget: the shares of memory.max. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/budget.h"
#include "consumers/stages.h"

#define MIB ((int64_t)1024 * 1024)

static int64_t whole(const struct budget *budget, size_t workers)
{
	int64_t one = (int64_t)(budget->cache_bytes + budget->fetch_bytes + budget->producer_bytes +
				budget->output_bytes + budget->publish_bytes);
	return BUDGET_PROCESS_BYTES + (int64_t)budget->store_bytes +
	       (int64_t)workers * (BUDGET_WORKER_BYTES + one);
}

static void shares_add_up(void **state)
{
	(void)state;
	static const int64_t sizes[] = { 256, 1024, 65536 };
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		for (size_t workers = 1; workers <= 4; workers++) {
			struct budget budget;
			budget_share(sizes[i] * MIB, workers, &budget);
			int64_t sum = whole(&budget, workers);
			assert_true(sum <= sizes[i] * MIB);
			assert_true(sum > sizes[i] * MIB - MIB); /* but for what can't be halved */
		}
	}
}

static void the_least_is_enough_for_each(void **state)
{
	(void)state;
	for (size_t workers = 1; workers <= 48; workers++) {
		struct budget budget;
		budget_share(budget_least(workers), workers, &budget);
		assert_true(budget.cache_bytes >= (size_t)MIB);
		assert_true(whole(&budget, workers) <= budget_least(workers));
	}
	assert_true(budget_least(STAGE_COUNT) <= BUDGET_BYTES_MIN); /* one worker of each */
}

/* A state of which there is one in a partition must not set how many accounts have room. */
static void slots_are_for_what_there_is_much_of(void **state)
{
	(void)state;
	enum { SLOT_MAX = 4096 };
	static const size_t busy[] = { STAGE_RESOLVE, STAGE_IDENTIFY, STAGE_ACCOUNT };
	const char *const input = "erp.events";
	const struct stage_options options = { .app_id = "foretell",
					       .inputs = &input,
					       .input_count = 1,
					       .partition_count = 1,
					       .tick_ms = 86400000,
					       .identity_accounts = 1 };
	struct registry *registry = NULL;
	assert_null(registry_open(NULL, &registry));
	for (size_t i = 0; i < sizeof busy / sizeof busy[0]; i++) {
		struct stage *stage = stage_new(stage_names[busy[i]], &options, registry);
		size_t size = processor_slot_size(stage_processor(stage));
		assert_true(size > 0 && size <= SLOT_MAX);
		stage_free(&stage);
	}
	registry_close(&registry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_add_up),
		cmocka_unit_test(the_least_is_enough_for_each),
		cmocka_unit_test(slots_are_for_what_there_is_much_of),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
