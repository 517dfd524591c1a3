#include "runtime/relay.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/check.h"
#include "schemas/types.h"

enum { WRITER_NAME_MAX = 64 };

static struct bytes writer_name(const char *own_log, const struct origin *origin,
				char name[WRITER_NAME_MAX])
{
	int len = snprintf(name, WRITER_NAME_MAX, "%s/%" PRId32, own_log, origin->partition);
	CHECK(len < WRITER_NAME_MAX);
	return bytes_of(name, (size_t)len);
}

void relay_clock(struct effects *effects, const char *topic, const char *own_log,
		 const struct origin *origin, int64_t clock_ms)
{
	char name[WRITER_NAME_MAX];
	const struct control tick = { .kind = CONTROL_TICK,
				      .writer = writer_name(own_log, origin, name),
				      .at_ms = clock_ms,
				      .ingest_ms = origin->ingest_ms };
	effects_tell_all(effects, topic, tick.writer, &control_type, &tick);
}

void relay_inputs(struct effects *effects, const char *topic, const char *own_log,
		  int32_t partition_count, const struct origin *origin)
{
	char name[WRITER_NAME_MAX];
	struct control inputs = { .kind = CONTROL_INPUTS,
				  .writer = bytes_str(""),
				  .input_count = 1 };
	inputs.inputs[0] = (struct control_input){ bytes_str(own_log), partition_count };
	effects_tell_all(effects, topic, writer_name(own_log, origin, name), &control_type,
			 &inputs);
}
