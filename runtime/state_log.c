#include "runtime/state_log.h"

#include <inttypes.h>
#include <stdlib.h>

#include "runtime/log_clock.h"
#include "runtime/seal.h"

size_t state_logs(const struct processor *processor, struct state_log logs[STATE_LOGS_MAX])
{
	size_t count = 0;
	logs[count++] = (struct state_log){ processor->meta_topic, -1 };
	for (size_t i = 0; i < processor->kind_count; i++)
		if (processor->kinds[i].published)
			logs[count++] =
				(struct state_log){ processor->kinds[i].state_topic, (int)i };
	return count;
}

static bool header_lsn(const struct record *record, int64_t *lsn)
{
	for (size_t i = 0; i < record->header_count; i++) {
		const struct header *header = &record->headers[i];
		char text[24];
		if (strcmp(header->name, "lsn") != 0 || header->value.len >= sizeof text)
			continue;
		memcpy(text, header->value.data, header->value.len);
		text[header->value.len] = '\0';
		char *end = NULL;
		*lsn = strtoll(text, &end, 10);
		return end != text && *end == '\0';
	}
	return false;
}

static struct err *foreign(const struct record *record, const char *what)
{
	return err_new(
		ERR_FATAL, "STATE_FOREIGN",
		"%s/%d at offset %" PRId64 ": %s: this state topic holds something that "
		"foretell did not write. Choose another --app, with --from-beginning",
		record->topic, record->partition, record->offset, what);
}

/* Trying again would read the same. */
static struct err *unreadable(const struct record *record, struct err *cause)
{
	struct err *err = err_new(
		ERR_FATAL, "STATE_UNREADABLE",
		"%s/%d at offset %" PRId64 ": a state can't be read (was registry.url changed, or "
		"did another program write here?): %s",
		record->topic, record->partition, record->offset, err_text(cause));
	err_free(&cause);
	return err;
}

static struct err *read_state(const struct processor *processor, const struct record *record,
			      void *scratch, struct state_word *word)
{
	const struct state_kind *kind = &processor->kinds[word->kind];
	if (word->key.len == 0 || word->key.len > KEY_LEN_MAX)
		return foreign(record, "no usable key");
	if (record->value.len > OUTPUT_LEN_MAX)
		return foreign(record, "too large for a state");
	word->value = record->value;
	word->saying = record->value.data == NULL ? STATE_GONE : STATE_IS;
	if (word->saying == STATE_GONE)
		return NULL;
	if (!header_lsn(record, &word->lsn))
		return foreign(record, "no lsn");
	memset(scratch, 0, kind->state_size);
	struct err *err = kind->decode(processor->context, record->value, scratch);
	if (err != NULL && err_verdict(err) == ERR_RETRY) /* the registry is away */
		return err_wrap(err, "restoring from %s/%d", record->topic, record->partition);
	if (err != NULL)
		return unreadable(record, err);
	word->due_ms = kind->due != NULL ? kind->due(scratch) : TIME_NONE;
	return NULL;
}

/* "<input topic>/<kind>/<key>": the task's if the topic is. */
static struct err *read_meta(const struct processor *processor, const char *input,
			     const struct record *record, void *scratch, struct state_word *word)
{
	uint8_t composed[TOPIC_NAME_MAX + 32 + KEY_LEN_MAX];
	struct bytes clock = seal_meta_key(input, "clock", bytes_of(NULL, 0), composed);
	if (bytes_equal(record->key, clock)) {
		if (record->value.len > LOG_CLOCK_LEN_MAX)
			return foreign(record, "too large for a clock");
		word->saying = STATE_CLOCK;
		word->value = record->value;
		return NULL;
	}
	for (size_t i = 0; i < processor->kind_count; i++) {
		const struct state_kind *kind = &processor->kinds[i];
		if (kind->published)
			continue;
		struct bytes prefix = seal_meta_key(input, kind->name, bytes_of(NULL, 0), composed);
		if (record->key.len < prefix.len ||
		    memcmp(record->key.data, prefix.data, prefix.len) != 0)
			continue;
		word->kind = (uint8_t)i;
		word->key = bytes_of(record->key.data + prefix.len, record->key.len - prefix.len);
		return read_state(processor, record, scratch, word);
	}
	return NULL;
}

struct err *state_log_read(const struct processor *processor, const char *input,
			   const struct state_log *log, const struct record *record, void *scratch,
			   struct state_word *word)
{
	*word = (struct state_word){ .saying = STATE_NOTHING, .lsn = LSN_NONE };
	if (log->kind < 0)
		return read_meta(processor, input, record, scratch, word);
	word->kind = (uint8_t)log->kind;
	word->key = record->key;
	return read_state(processor, record, scratch, word);
}

struct err *state_word_add(const struct state_word *word, struct shelf *shelf,
			   struct store_batch *batch)
{
	struct shelf_value old;
	struct err *err = shelf_get(shelf, word->kind, word->key, &old);
	if (err != NULL)
		return err;
	int64_t old_due_ms = old.present ? old.due_ms : TIME_NONE;
	if (word->saying == STATE_GONE)
		store_batch_remove(batch, shelf, word->kind, word->key, old_due_ms);
	else
		store_batch_put(batch, shelf, word->kind, word->key, word->lsn, old_due_ms,
				word->due_ms, word->value);
	return NULL;
}
