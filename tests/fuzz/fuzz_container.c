/* Any bytes as an Avro object container, arriving in pieces; its values as JSON and, where the
 * schema is one of foretell's events, as events.
 *
 * Held: what is wrong is an error that says so; a value lies within its block; nothing takes long.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/check.h"
#include "schemas/container.h"
#include "schemas/event_types.h"
#include "schemas/types.h"
#include "schemas/value_json.h"

enum { LEN_MAX = 64 * 1024, VALUES_MAX = 2000 };

struct pieces {
	const uint8_t *data;
	size_t len, at, piece;
};

static struct err *read_piece(void *context, uint8_t *out, size_t out_max, size_t *len)
{
	struct pieces *pieces = context;
	size_t count = pieces->len - pieces->at;
	count = count < pieces->piece ? count : pieces->piece;
	count = count < out_max ? count : out_max;
	if (count > 0)
		memcpy(out, pieces->data + pieces->at, count);
	pieces->at += count;
	*len = count;
	return NULL;
}

static void look(const struct container *container, struct bytes avro,
		 const struct record_plan *plan)
{
	static struct source_event event;
	json_t *json = NULL;
	size_t used = 0;
	struct err *err = value_to_json(container_root(container), avro, &used, &json);
	CHECK(err != NULL || used == avro.len);
	json_decref(json);
	err_free(&err);
	if (plan == NULL)
		return;
	err = record_decode(plan, avro, &event);
	CHECK(err == NULL || err_verdict(err) == ERR_POISON);
	err_free(&err);
}

static void read_all(struct container *container, const struct record_plan *plan)
{
	bool more = true;
	for (int i = 0; i < VALUES_MAX && more; i++) {
		struct bytes avro = { 0 };
		struct err *err = container_next(container, &avro, &more);
		CHECK(err == NULL || err_verdict(err) == ERR_POISON ||
		      err_verdict(err) == ERR_FATAL);
		more = more && (err == NULL || err_verdict(err) == ERR_POISON);
		if (err == NULL && more)
			look(container, avro, plan);
		err_free(&err);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len == 0 || len > LEN_MAX)
		return 0;
	struct pieces pieces = { data + 1, len - 1, 0, 1 + (size_t)data[0] * 7 };
	const struct container_input input = { read_piece, &pieces };
	struct container *container = NULL;
	struct record_plan *plan = NULL;
	struct err *err = container_open(&input, &container);
	CHECK((err == NULL) == (container != NULL));
	if (err == NULL) {
		struct err *plan_err =
			record_plan_new(&erp_event_type, container_schema(container), &plan);
		if (plan_err != NULL)
			plan = NULL;
		err_free(&plan_err);
		read_all(container, plan);
		record_plan_free(&plan);
	}
	err_free(&err);
	container_close(&container);
	return 0;
}
