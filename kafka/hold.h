/* Open transactions that hold readers of committed records back: how far these may read, and since
 * when that has stood still.
 *
 * Most end within a second. One whose producer is gone ends by its time-out; one that the brokers
 * have forgotten to end never does, and only a person can end it.
 *
 * Threads: any, one call at a time for each struct. */
#ifndef KAFKA_HOLD_H
#define KAFKA_HOLD_H

#include "kafka/client.h"

/* Where the brokers keep what groups commit. */
#define OFFSETS_TOPIC "__consumer_offsets"

enum {
	HOLDS_MAX = 32,	      /* that are looked at closely */
	HOLD_MS_MIN = 5000,   /* younger ones are everyday */
	HOLD_REMEDY_MAX = 640 /* bytes of a command, its NUL included */
};

struct hold {
	const char *topic; /* as it was given */
	int32_t partition;
	int64_t offset;	  /* of the transaction's first record: readers stop before it */
	int64_t end;	  /* of the log */
	int64_t since_ms; /* wall time; when the brokers took that record */
};

struct holds {
	struct hold list[HOLDS_MAX]; /* in the order of the topics given */
	size_t count;
};

/* What to look at. */
struct hold_scope {
	const char *const *topics;
	size_t topic_count;
	/* and the partitions of OFFSETS_TOPIC that are theirs, where the client may see them: their
	 * next start waits for it */
	const char *const *groups;
	size_t group_count;
};

/* Those in `scope` that are older than HOLD_MS_MIN by now_ms (wall). Topics that don't exist are
 * passed over, and so are those whose records carry another time than the brokers'.
 * Errors: RETRY BUS_UNREACHABLE, as rd_err_code. */
ERR_MUST_USE struct err *holds_read(const struct client_options *client,
				    const struct hold_scope *scope, int64_t now_ms,
				    struct holds *holds);

/* The partition of OFFSETS_TOPIC, which has so many, in which a group's positions are. */
int32_t hold_group_partition(const char *group, int32_t partition_count);

/* The command that ends the transaction: what it wrote into that partition is lost to readers. */
void hold_remedy(const char *brokers, const char *topic, int32_t partition, int64_t offset,
		 char command[HOLD_REMEDY_MAX]);

#endif
