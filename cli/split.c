#include "cli/split.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "consumers/decisions.h"
#include "consumers/topics.h"
#include "kafka/group.h"
#include "kafka/publish.h"
#include "kafka/reader.h"
#include "schemas/identity.h"
#include "schemas/registry.h"

enum { VALUE_MAX = 256, SHOWN_MAX = 600 };

static const char decisions_topic[] = "identity.decisions";

struct split {
	const struct conf *conf;
	const struct client_options *client;
	struct registry *registry;
	struct bytes name, later, earlier; /* name: as it was asked; the two in their order */
	bool told;
	char shown[SHOWN_MAX]; /* links of the name that were told */
};

/* ---- what was told -------------------------------------------------------------------------- */

static void show(struct split *split, struct bytes other)
{
	char text[KEY_LEN_MAX + 3];
	size_t used = strlen(split->shown);
	snprintf(text, sizeof text, " %.*s", (int)other.len, (const char *)other.data);
	if (strstr(split->shown, text) == NULL && used + strlen(text) < sizeof split->shown)
		memcpy(split->shown + used, text, strlen(text) + 1);
}

static struct err *take_note(void *context, const struct record *record)
{
	struct split *split = context;
	struct identity_note note;
	const char *type = NULL;
	if (record->value.data == NULL)
		return NULL;
	struct err *err = registry_record_name(split->registry, record->value, &type);
	if (err == NULL && strcmp(type, "foretell.IdentityNote") == 0)
		err = registry_decode(split->registry, &identity_note_type, record->value, &note);
	else
		note.kind = -1;
	if (err != NULL && err_verdict(err) == ERR_POISON)
		err_free(&err);
	if (err != NULL || note.kind != NOTE_LINK)
		return err;
	split->told |=
		bytes_equal(note.name, split->later) && bytes_equal(note.other, split->earlier);
	if (bytes_equal(note.name, split->name))
		show(split, note.other);
	else if (bytes_equal(note.other, split->name))
		show(split, note.name);
	return NULL;
}

static struct err *find_link(struct split *split)
{
	char topic[TOPIC_NAME_MAX + 1];
	topics_name(conf_string(split->conf, "app.id"), "identity.events", topic);
	const struct reader_options reading = { .client = split->client,
						.topic = topic,
						.partition = -1 };
	struct err *err = reader_run(&reading, take_note, split, NULL);
	if (err != NULL || split->told)
		return err;
	return err_new(ERR_FATAL, "LINK_UNKNOWN",
		       "no event has linked these two; linked with %.*s are:%s",
		       (int)split->name.len, (const char *)split->name.data,
		       split->shown[0] != '\0' ? split->shown : " none");
}

/* Whether every input still begins with its first record. */
static struct err *look_at_inputs(const struct split *split)
{
	char group[TOPIC_NAME_MAX + 1];
	size_t count = 0;
	struct group_view view = { .member_count = 0 };
	const char *const *inputs = conf_list(split->conf, "inputs", &count);
	snprintf(group, sizeof group, "%s.resolve", conf_string(split->conf, "app.id"));
	struct err *err = group_view_read(split->client, group, inputs, count, &view);
	for (size_t i = 0; err == NULL && i < view.position_count; i++) {
		const struct group_position *at = &view.positions[i];
		if (at->low > 0)
			err = err_new(ERR_FATAL, "SPLIT_IMPOSSIBLE",
				      "%s/%" PRId32 " begins at offset %" PRId64
				      ": what retention has removed can't be told apart again, so "
				      "the two stay one account",
				      at->topic, at->partition, at->low);
	}
	group_view_fini(&view);
	return err;
}

static struct err *write_cut(const struct split *split, bool undo)
{
	char key[HASH_SHA256_HEX_LEN + 1];
	uint8_t value[VALUE_MAX];
	size_t len = 0;
	const struct identity_decision cut = { DECISION_CUT, time_wall_ms() };
	decisions_link_key(split->later, split->earlier, key);
	struct err *err = registry_encode(split->registry, decisions_topic, &identity_decision_type,
					  &cut, value, sizeof value, &len);
	const struct bytes said = bytes_of(undo ? NULL : value, undo ? 0 : len);
	return err != NULL ? err
			   : publish_one(split->client, decisions_topic, bytes_str(key), said);
}

struct err *split_run(const struct conf *conf, const struct client_options *client,
		      const struct name_key *name, const struct name_key *other, bool undo,
		      FILE *out)
{
	bool after = name_compare(name_bytes(name), name_bytes(other)) > 0;
	struct split split = { .conf = conf,
			       .client = client,
			       .name = name_bytes(name),
			       .later = name_bytes(after ? name : other),
			       .earlier = name_bytes(after ? other : name) };
	struct err *err = registry_open(conf_string(conf, "registry.url"), &split.registry);
	if (err == NULL)
		err = find_link(&split);
	if (err == NULL && !undo)
		err = look_at_inputs(&split);
	if (err == NULL)
		err = write_cut(&split, undo);
	if (err == NULL)
		fprintf(out,
			"the link of %.*s to %.*s %s\n"
			"This application keeps the account as it is: its sums don't tell what "
			"came from\nwhom. The inputs still have all, so one that begins anew %s:\n"
			"  foretell run --app NEW --from-beginning\n",
			(int)split.later.len, (const char *)split.later.data,
			(int)split.earlier.len, (const char *)split.earlier.data,
			undo ? "is no longer cut" : "is cut",
			undo ? "has one account again" : "makes both");
	registry_close(&split.registry);
	return err;
}
