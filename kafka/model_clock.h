/* The time and the chance of the model of Kafka: what the parts of it share. Virtual time; without
 * `below` nothing is delayed and nothing is random. Threads: one. */
#ifndef KAFKA_MODEL_CLOCK_H
#define KAFKA_MODEL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

struct model_clock {
	int64_t now_ms;
	uint32_t (*below)(void *context, uint32_t bound); /* NULL: no chance, no delays */
	void *context;
	uint32_t delay_ms_max;
};

/* 0 .. bound - 1; 0 without chance. */
static inline uint32_t model_below(const struct model_clock *clock, uint32_t bound)
{
	return clock->below == NULL || bound < 2 ? 0 : clock->below(clock->context, bound);
}

/* When something that begins now is over. */
static inline int64_t model_later(const struct model_clock *clock)
{
	return clock->now_ms + model_below(clock, clock->delay_ms_max + 1);
}

/* The same for what nobody waits for: now and then it takes much longer. */
static inline int64_t model_much_later(const struct model_clock *clock)
{
	uint32_t times = model_below(clock, 4) == 0 ? 10 : 1;
	return clock->now_ms + model_below(clock, times * clock->delay_ms_max + 1);
}

#endif
