#include "kafka/memory_tail.h"

#include <stdlib.h>

#include "base/check.h"
#include "kafka/memory_kafka.h"

struct followed {
	const struct model_partition *partition;
	int64_t next; /* LOG_TAIL_BEGIN: wherever it begins */
};

struct memory_tail {
	struct log_tail tail;
	struct memory_kafka *kafka;
	struct followed *followed;
	size_t count, room;
	size_t turn; /* whose turn it is to be read first */
	struct record records[POLL_RECORDS_MAX];
};

static struct memory_tail *tail_of(struct log_tail *tail)
{
	return (struct memory_tail *)tail;
}

static void tail_drop(struct log_tail *base, const char *topic, int32_t partition)
{
	struct memory_tail *tail = tail_of(base);
	for (size_t i = 0; i < tail->count; i++) {
		const struct model_partition *one = tail->followed[i].partition;
		if (one->index != partition || strcmp(one->topic->name, topic) != 0)
			continue;
		tail->followed[i] = tail->followed[--tail->count];
		return;
	}
}

static struct err *tail_add(struct log_tail *base, const char *topic, int32_t partition,
			    int64_t offset)
{
	struct memory_tail *tail = tail_of(base);
	const struct model_partition *found =
		model_log_partition(&tail->kafka->log, topic, partition);
	tail_drop(base, topic, partition);
	if (found == NULL)
		return err_new(ERR_FATAL, "BUS_TOPIC_MISSING", "topic %s [%d] doesn't exist", topic,
			       (int)partition);
	tail->followed =
		model_grow(tail->followed, tail->count, &tail->room, sizeof *tail->followed);
	tail->followed[tail->count++] = (struct followed){ found, offset };
	return NULL;
}

static struct err *read_on(struct memory_tail *tail, struct followed *followed, size_t count_max,
			   size_t *count)
{
	const struct model_partition *partition = followed->partition;
	size_t stable = model_log_stable(partition);
	if (followed->next == LOG_TAIL_BEGIN)
		followed->next = (int64_t)partition->low;
	if (followed->next < (int64_t)partition->low ||
	    followed->next > (int64_t)partition->slot_count)
		return err_new(ERR_FATAL, "BUS_OFFSET_GONE", "%s [%d] has no offset %lld",
			       partition->topic->name, (int)partition->index,
			       (long long)followed->next);
	for (; (size_t)followed->next < stable && *count < count_max; followed->next++)
		*count += model_log_show(&tail->kafka->log, partition, (size_t)followed->next,
					 &tail->records[*count]);
	return NULL;
}

static struct err *tail_poll(struct log_tail *base, size_t count_max, struct bus_batch *batch)
{
	struct memory_tail *tail = tail_of(base);
	const struct memory_chaos *chaos = tail->kafka->chaos;
	struct err *err = NULL;
	CHECK(count_max > 0 && count_max <= POLL_RECORDS_MAX);
	*batch = (struct bus_batch){ .records = tail->records };
	if (chaos != NULL && chaos->strikes(chaos->context, MEMORY_TAIL))
		return err_new(ERR_RETRY, "BUS_UNREACHABLE", "fault: following found no broker");
	if (chaos != NULL)
		count_max = 1 + model_below(&tail->kafka->clock, (uint32_t)count_max);
	for (size_t i = 0; err == NULL && i < tail->count && batch->count < count_max; i++) {
		struct followed *followed = &tail->followed[(tail->turn + i) % tail->count];
		err = read_on(tail, followed, count_max, &batch->count);
	}
	tail->turn++;
	return err;
}

static void tail_close(struct log_tail *base)
{
	free(tail_of(base)->followed);
	free(base);
}

static const struct log_tail_ops tail_ops = { tail_add, tail_drop, tail_poll, tail_close };

struct log_tail *memory_tail_open(struct memory_kafka *kafka)
{
	struct memory_tail *tail = check_calloc(1, sizeof *tail);
	tail->tail.ops = &tail_ops;
	tail->kafka = kafka;
	return &tail->tail;
}
