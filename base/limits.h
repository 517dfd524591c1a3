/* Every bound in one place, with the relations between them asserted. Bytes unless said. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

enum {
	ERR_TEXT_MAX = 1024,

	/* names and keys */
	TOPIC_NAME_MAX = 249, /* Kafka's own bound */
	APP_ID_MAX = 64,
	CLUSTER_ID_MAX = 64,
	KEY_LEN_MAX = 128, /* an account's or a series' key in the state */
	NAME_KEY_MAX =
		KEY_LEN_MAX - 9, /* a name that may have to wait: a place in its queue follows */
	EVENT_ID_MAX = 128,
	EVENT_TYPE_MAX = 64,
	ATTR_COUNT_MAX = 16,
	ATTR_LEN_MAX = 512,
	IDENTIFIER_COUNT_MAX = 8, /* other names of a customer in one event */

	/* a record and a batch */
	RECORD_LEN_MAX = 1000000, /* largest value that a stage accepts */
	HEADER_COUNT_MAX = 16,
	POLL_RECORDS_MAX = 2000,
	OUTPUT_LEN_MAX = 64 * 1024, /* largest encoded output or state */
	EVENT_LEN_MAX =
		OUTPUT_LEN_MAX - 1024, /* of a source's event: it is written on with its account */

	/* the line */
	TOPICS_PER_STAGE_MAX = 16,
	PARTITIONS_MAX = 1024,	/* of one topic */
	TASKS_MAX = 2048,	/* (topic, partition) pairs of one worker */
	WRITERS_MAX = 2048,	/* of one log */
	STAGE_WORKERS_MAX = 16, /* of one stage in one process */
	TARGETS_MAX = 16,	/* keys that one record may touch */

	/* a transaction */
	TXN_OUTPUT_BYTES_MAX = 32 * 1024 * 1024,
	TXN_RECORDS_MAX = 100000,
	TXN_COPIES_MAX = 200000,  /* of what goes to all partitions of a topic */
	TICK_SLICE_MAX = 20000,	   /* due entries fired before the worker looks up */
	PUBLISH_MAX = 50000,	   /* states published with one transaction */
	FAILURES_COUNTED_MAX = 16, /* recoveries without a commit between, for their back-off */
	READ_AHEAD_MAX = 128,	   /* records whose states are fetched together */
	SHELF_MANY_MAX = 2048,	   /* states that the store is asked for at once */
	COMMIT_GAP_MS = 3, /* to the next transaction: one that meets the markers of the one before
			    * is put off by the client for 20 (CONCURRENT_TRANSACTIONS) */
	STORE_FULL_WAIT_MS = 60000, /* for room on the disk, before a worker gives up */
	STORE_FLUSH_MS = 5000,	    /* between flushes of the local store: what a crash replays */
	CLOCK_JOURNAL_MAX = 8192,   /* ticks between Y and X before a checkpoint is forced */
	POSITION_TEXT_MAX = 1024,   /* commit metadata; the broker's own limit is 4096 */

	/* identity */
	RECENT_EVENTS_MAX = 48,	  /* of one name: ids of events that lie in its state */
	SEEN_EVENTS_MAX = 160,	  /* ids in one of its buckets, where there are more */
	SEEN_SPLIT_AT = 112,	  /* ids in a bucket that make for one more */
	SEEN_BUCKETS_MAX = 128,	  /* of one name */
	REPEAT_FILTER_WORDS = 16, /* which say what no bucket of a name has; a power of two */
	HELD_RECORDS_MAX = 6,	  /* of one name, that wait in its state; then a queue begins */
	HELD_BYTES_MAX = 704,	  /* of these, in all */
	WAITING_EVENTS_MAX = 252, /* of one name, until its account is known */
	WAITING_PART_MAX = 960,	  /* what one entry of a queue holds */
	WAITING_RECORD_MIN = 60,  /* of it a record takes so much at least */
	WAITING_RECORDS_MAX = WAITING_PART_MAX / WAITING_RECORD_MIN,
	WAITING_PARTS_MAX = 14,	  /* of one event, and released with one record */
	NAMES_PER_BLOCK_MAX = 6,  /* company names that are compared with a new one */
	COMPANY_KEPT_MAX = 40,	  /* of a company's name */
	LINK_EVENT_MAX = 64,	  /* of the event that told of a link */
	DECISIONS_MAX = 4000000,  /* names erased and links cut, in all */

	/* alerts and forecasts */
	REASONS_MAX = 4,
	REASON_TEXT_MAX = 160,
	HORIZON_MAX = 14,
};

_Static_assert(OUTPUT_LEN_MAX < RECORD_LEN_MAX, "a state must fit into a record");
_Static_assert(OUTPUT_LEN_MAX - EVENT_LEN_MAX >= 4 * KEY_LEN_MAX, "an account, times, new fields");
_Static_assert(WRITERS_MAX >= PARTITIONS_MAX, "each partition of an input is a writer");
_Static_assert(SHELF_MANY_MAX >= READ_AHEAD_MAX * TARGETS_MAX, "every key of a run");
_Static_assert(WAITING_PARTS_MAX + 1 <= TARGETS_MAX, "a name and what it releases");
_Static_assert(SEEN_SPLIT_AT + RECENT_EVENTS_MAX <= SEEN_EVENTS_MAX, "a state's ids find room");
_Static_assert(NAME_KEY_MAX + 2 <= KEY_LEN_MAX, "a bucket's key is a name's and two bytes");
_Static_assert(WAITING_EVENTS_MAX % WAITING_PARTS_MAX == 0, "a queue of whole blocks");
_Static_assert(WAITING_RECORDS_MAX <= 255, "their count is a byte");
_Static_assert(CLUSTER_ID_MAX <= 255, "its length is a byte");
_Static_assert(POSITION_TEXT_MAX < 4096, "offset.metadata.max.bytes of a broker");
_Static_assert(POSITION_TEXT_MAX > 2 * KEY_LEN_MAX + 128, "a cursor's key is hex in the metadata");

#endif
