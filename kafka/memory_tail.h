/* Reading on in the logs of the model, as kafka/log_tail.h has it. With a `struct memory_chaos`
 * polls fail, and hand out fewer records than were asked for. */
#ifndef KAFKA_MEMORY_TAIL_H
#define KAFKA_MEMORY_TAIL_H

#include "kafka/bus_memory.h"
#include "kafka/log_tail.h"

/* A new one; kafka is borrowed for its life. */
struct log_tail *memory_tail_open(struct memory_kafka *kafka);

#endif
