/* Levels of stock on their way to the allocate stage, held by the forecast stage until its clock
 * has come to them: inputs may be far ahead of it, and a plan must see the stock as of its own
 * close.
 *
 * For each site, product and period of the network's demand the newest level is kept, by its own
 * time; when the period closes it goes to supply.events, beside the forecasts made at that close,
 * and the state ends. A level that comes late belongs to the period in which it came.
 *
 * Plain data, zeroed when new. Threads: pure. */
#ifndef CONSUMERS_HELD_STOCK_H
#define CONSUMERS_HELD_STOCK_H

#include "consumers/network.h"
#include "runtime/effects.h"

struct held_stock {
	int64_t at_ms, due_ms; /* due_ms 0: handed on, or new */
	double level;
	char product[NETWORK_NAME_MAX + 1], site[NETWORK_NAME_MAX + 1], unit[8];
};

/* The key of the state that a level goes to, into key[KEY_LEN_MAX]. */
struct bytes held_stock_key(const struct supply *note, const struct series_definition *demand,
			    uint8_t key[KEY_LEN_MAX]);

void held_stock_add(struct held_stock *held, const struct supply *note,
		    const struct series_definition *demand);

/* Hands it on. */
void held_stock_tell(struct held_stock *held, struct effects *effects);

int64_t held_stock_due(const void *held); /* the period's end; TIME_NONE: handed on */

/* To the record, which borrows, and back. Errors: FATAL STATE_INVALID. */
void held_stock_to_record(const struct held_stock *held, struct supply *record);
ERR_MUST_USE struct err *held_stock_from_record(const struct supply *record,
						struct held_stock *held);

#endif
