/* The whole line on the bus in memory: the real stages and the real runtime, one turn at a time on
 * one thread, with a store on disk, crashes and faults at the test's will. */
#ifndef TESTS_LIB_MEMORY_LINE_H
#define TESTS_LIB_MEMORY_LINE_H

#include <stdio.h>

#include "consumers/stages.h"
#include "kafka/bus_memory.h"
#include "runtime/worker.h"

struct memory_line_options {
	const char *app_id;
	int32_t partition_count;
	int64_t commit_interval_ms, checkpoint_interval_ms;
	uint32_t cache_entries;
	int64_t idle_ms;       /* 0: clock=data */
	const char *dimension; /* NULL: totals only */
	int64_t wait_ms;       /* for an account; 0: a week */
	bool unknown_to_dlq;
	bool all_inputs;	 /* of a company, else of the ERP alone */
	const int64_t *until_ms; /* several inputs are read in their order, the past up to here; or
				  * NULL: as they come */
	bool activate;		 /* model.activate=auto */
	struct decisions *decisions; /* about names; borrowed; NULL: none */
	const char *series;	     /* text of a series.file; NULL: revenue */
	const char *network;	     /* text of an allocation.file; NULL: none */
};

struct memory_line;

/* A new line on `kafka` (borrowed), its topics made where they are missing, nothing running. */
struct memory_line *memory_line_new(struct memory_kafka *kafka,
				    const struct memory_line_options *options);
void memory_line_free(struct memory_line **line); /* kills what runs, removes the store */

/* Publishes an event of the ERP; and that its feed has told all up to at_ms. */
void memory_line_tell(struct memory_line *line, const struct source_event *event);
void memory_line_end(struct memory_line *line, int64_t at_ms);

/* Deploys series, as `foretell series deploy` does. */
void memory_line_deploy(struct memory_line *line, const char *file, int64_t from_ms);

/* Publishes a file's events; aborts the test where that fails. Returns the rows that went to dlq.
 */
int64_t memory_line_ingest(struct memory_line *line, const char *map, const char *csv);

/* One turn of a stage; it is opened where it isn't running. */
struct err *memory_line_step(struct memory_line *line, size_t stage);

void memory_line_kill(struct memory_line *line, size_t stage); /* as kill -9 */
void memory_line_stop(struct memory_line *line, size_t stage); /* as SIGTERM */
void memory_line_lose_store(struct memory_line *line);	       /* kills all, deletes the folder */

/* Virtual time goes on. */
void memory_line_wait(struct memory_line *line, int64_t ms);

/* Its monotonic clock. */
int64_t memory_line_now_ms(const struct memory_line *line);

/* Steps a stage until it has processed what is there (bounded). */
struct err *memory_line_run(struct memory_line *line, size_t stage);

/* Steps until everything is processed (bounded), then stops all stages cleanly. */
struct err *memory_line_finish(struct memory_line *line);

const struct worker_stats *memory_line_stats(const struct memory_line *line, size_t stage);

/* The outputs in a form to compare: per topic and key the sequence of values (of compacted topics
 * the last one), a line each: "topic<TAB>key<TAB>value in JSON". Sorted by topic and key. new. */
char *memory_line_dump(const struct memory_line *line, const char *const *topics,
		       size_t topic_count);

#endif
