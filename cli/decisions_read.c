#include "cli/decisions_read.h"

#include "kafka/reader.h"

static struct err *take(void *context, const struct record *record)
{
	return decisions_take(context, record->key, record->value.data != NULL);
}

struct err *decisions_read(const struct client_options *client, struct decisions **out)
{
	const struct reader_options options = { .client = client,
						.topic = "identity.decisions",
						.partition = -1 };
	struct decisions *decisions = decisions_new();
	struct err *err = reader_run(&options, take, decisions, NULL);
	if (err != NULL)
		decisions_free(&decisions);
	*out = decisions;
	return err;
}
