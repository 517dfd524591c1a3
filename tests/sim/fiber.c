#define _XOPEN_SOURCE 700 /* ucontext */

#include "tests/sim/fiber.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "base/check.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
#include <sanitizer/common_interface_defs.h>
#endif

/* RocksDB's and the runtime's frames are small, but positions of all tasks stand on some. */
enum { STACK_BYTES = 1024 * 1024 };

struct fiber {
	ucontext_t here, outside;
	void (*run)(void *context);
	void *context;
	bool ended;
	void *stack;
	void *fake_here, *fake_outside; /* what the sanitizer keeps of a stack that is left */
	const void *outside_bottom;
	size_t outside_size;
};

/* The sanitizer is told of each change of stacks, before and after it. */
static void leave(void **fake, const void *bottom, size_t size)
{
#ifdef SANITIZED
	__sanitizer_start_switch_fiber(fake, bottom, size);
#else
	(void)fake;
	(void)bottom;
	(void)size;
#endif
}

static void arrive(void *fake, const void **bottom, size_t *size)
{
#ifdef SANITIZED
	__sanitizer_finish_switch_fiber(fake, bottom, size);
#else
	(void)fake;
	(void)bottom;
	(void)size;
#endif
}

/* makecontext hands on ints only. */
static void start(unsigned high, unsigned low)
{
	struct fiber *fiber = (struct fiber *)((uintptr_t)high << 32 | low);
	arrive(NULL, &fiber->outside_bottom, &fiber->outside_size);
	fiber->run(fiber->context);
	fiber->ended = true;
	leave(NULL, fiber->outside_bottom, fiber->outside_size);
	swapcontext(&fiber->here, &fiber->outside);
}

struct fiber *fiber_new(void (*run)(void *context), void *context)
{
	struct fiber *fiber = check_calloc(1, sizeof *fiber);
	fiber->run = run;
	fiber->context = context;
	fiber->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(fiber->stack != MAP_FAILED);
	CHECK(getcontext(&fiber->here) == 0);
	fiber->here.uc_stack.ss_sp = fiber->stack;
	fiber->here.uc_stack.ss_size = STACK_BYTES;
	fiber->here.uc_link = NULL;
	uintptr_t address = (uintptr_t)fiber;
	makecontext(&fiber->here, (void (*)(void))start, 2, (unsigned)(address >> 32),
		    (unsigned)address);
	return fiber;
}

void fiber_free(struct fiber **fiber)
{
	if (*fiber == NULL)
		return;
	CHECK((*fiber)->ended);
	munmap((*fiber)->stack, STACK_BYTES);
	free(*fiber);
	*fiber = NULL;
}

void fiber_resume(struct fiber *fiber)
{
	CHECK(!fiber->ended);
	leave(&fiber->fake_outside, fiber->stack, STACK_BYTES);
	swapcontext(&fiber->outside, &fiber->here);
	arrive(fiber->fake_outside, NULL, NULL);
}

void fiber_pause(struct fiber *fiber)
{
	leave(&fiber->fake_here, fiber->outside_bottom, fiber->outside_size);
	swapcontext(&fiber->here, &fiber->outside);
	arrive(fiber->fake_here, &fiber->outside_bottom, &fiber->outside_size);
}

bool fiber_ended(const struct fiber *fiber)
{
	return fiber->ended;
}
