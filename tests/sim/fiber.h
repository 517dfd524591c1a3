/* A fiber: a function that runs on a stack of its own, on the thread of whoever resumes it, until
 * it pauses or returns. So a simulation can leave a call in its middle and let others run.
 *
 * Threads: one. Ownership: fiber_new's stack goes with fiber_free, which CHECKs that the function
 * has returned. */
#ifndef TESTS_SIM_FIBER_H
#define TESTS_SIM_FIBER_H

#include <stdbool.h>

struct fiber;

struct fiber *fiber_new(void (*run)(void *context), void *context);
void fiber_free(struct fiber **fiber);

/* Runs it until its next fiber_pause or its end. From outside any fiber. */
void fiber_resume(struct fiber *fiber);

/* From inside: goes back to who resumed it. */
void fiber_pause(struct fiber *fiber);

bool fiber_ended(const struct fiber *fiber);

#endif
