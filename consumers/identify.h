/* The identify stage: names of customers find their accounts.
 *
 * identity.events holds, keyed by name, the events under the names by which the sources know the
 * customers, and what names say to one another (identity_note). A name leads to an earlier one in
 * the order of consumers/names.h: LINK gives it its parent, FIND asks the parent for the account,
 * FOUND answers. Each step goes to an earlier name, so there are no circles, and where a name ends
 * up depends on the set of links alone, not on their order:
 *
 *   iot.device:SN17 ──► erp.customer:70000017 ──► tax_id:DE123456789 ──► C-0000017
 *
 * A name that joins (an account, a tax number) and has two parents links them to each other; any
 * other one keeps the earlier parent, and the two are suggested to people where both are customers.
 * Events of a name without an account wait, in order, until FOUND comes or identity.wait.ms is
 * over; then the name becomes an account of its own, or its events dead letters. If it is found to
 * belong to another one later, a MERGE follows in account.events.
 *
 * Repeats are recognised by source and event_id among the events of a name (consumers/repeats.h).
 *
 * The stage writes into the log that it reads; a round takes a commit. */
#ifndef CONSUMERS_IDENTIFY_H
#define CONSUMERS_IDENTIFY_H

#include "runtime/processor.h"

struct identify_options {
	int64_t wait_ms;	 /* how long an event waits for its account */
	bool unknown_to_dlq;	 /* then: dead letters; else accounts of their own */
	uint32_t accounts;	 /* set of scheme indexes (1 << name_scheme_find) whose names are
				    accounts at once, besides CRM accounts, regions and sites */
	int32_t partition_count; /* of identity.events: the writers of account.events */
};

struct identify;

/* A new stage; registry is borrowed. */
struct identify *identify_new(const struct identify_options *options, struct registry *registry);
void identify_free(struct identify **identify);

/* The processor; its context is `identify`, which must outlive it. */
struct processor identify_processor(struct identify *identify);

#endif
