#include "runtime/dead_letter.h"

#include <inttypes.h>
#include <stdio.h>

void dead_letter_send(struct effects *effects, const char *stage, const struct record *record,
		      const struct err *why)
{
	char partition[16], offset[24];
	snprintf(partition, sizeof partition, "%" PRId32, record->partition);
	snprintf(offset, sizeof offset, "%" PRId64, record->offset);
	const struct header headers[] = {
		{ "error", bytes_str(err_code(why)) }, { "reason", bytes_str(err_text(why)) },
		{ "topic", bytes_str(record->topic) }, { "partition", bytes_str(partition) },
		{ "offset", bytes_str(offset) },       { "stage", bytes_str(stage) },
	};
	effects_pass(effects, DEAD_LETTER_TOPIC, record->partition, record->key, record->value,
		     headers, sizeof headers / sizeof headers[0]);
}
