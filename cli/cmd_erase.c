#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/name_table.h"
#include "cli/options.h"
#include "cli/stop.h"
#include "cli/traces.h"
#include "consumers/decisions.h"
#include "consumers/topics.h"
#include "kafka/reader.h"
#include "kafka/writer.h"
#include "schemas/registry.h"

static const struct args_flag flags[] = {
	{ "yes", NULL, NULL, "do it; without it, only what would be done is shown" },
	{ "wait", "SECONDS", NULL, "for the stages to have done it (30)" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const options[] = { "kafka.bootstrap.servers", "app.id", "registry.url",
				       "inputs", NULL };

static const char *const examples[] = { "foretell erase C-0000017",
					"foretell erase email:anna@gtx.example --yes", NULL };

static const struct args_spec spec = {
	.command = "erase",
	.operands = "ACCOUNT|SCHEME:VALUE",
	.operand_count_min = 1,
	.operand_count_max = 1,
	.about = "Erases an account with all its names from the states and the compacted topics, "
		 "for\n"
		 "good: what still comes under these names is dropped, by replays, too, and so is\n"
		 "every name that leads to one of them later. Lists what remains in which logs, "
		 "and\n"
		 "until when. Series and models hold sums without names: they stay.",
	.flags = flags,
	.options = options,
	.examples = examples,
	.quiet = true,
};

enum { FLUSH_MS = 30000, VALUE_MAX = 1024, LOOK_MS = 500, WAIT_S = 30, WAIT_S_MAX = 86400 };

struct erase {
	const struct conf *conf;
	struct options_client client;
	struct registry *registry;
	struct writer *writer;
	struct name_table table;
	struct name_text *names;	  /* the account, what went into it, and all their names */
	size_t name_count, written_count; /* written: whose erasure is in the log */
	struct name_text *blocks;	  /* of company names, a block and a name in turns */
	size_t block_count;
	int64_t at_ms;
};

/* ---- what there is -------------------------------------------------------------------------- */

static bool has_name(const struct erase *erase, struct bytes name)
{
	for (size_t i = 0; i < erase->name_count; i++)
		if (bytes_equal(name_text_bytes(&erase->names[i]), name))
			return true;
	return false;
}

static void add_name(struct erase *erase, struct bytes name)
{
	if (name.len > 0 && !has_name(erase, name))
		name_text_set(&erase->names[erase->name_count++], name);
}

/* Adds what the table has to what is known. */
static void list_names(struct erase *erase)
{
	const struct name_table *table = &erase->table;
	size_t more = table->count + table->merged_count + 1;
	erase->names =
		check_realloc(erase->names, (erase->name_count + more) * sizeof *erase->names);
	add_name(erase, name_text_bytes(&table->account));
	for (size_t i = 0; i < table->merged_count; i++)
		add_name(erase, name_text_bytes(&table->merged[i]));
	for (size_t i = 0; i < table->count; i++)
		add_name(erase, name_text_bytes(&table->rows[i].key));
}

static void forget_block(struct erase *erase, struct bytes block)
{
	size_t kept = 0;
	for (size_t i = 0; i < erase->block_count; i++) {
		if (bytes_equal(name_text_bytes(&erase->blocks[2 * i]), block))
			continue;
		memmove(&erase->blocks[2 * kept++], &erase->blocks[2 * i],
			2 * sizeof *erase->blocks);
	}
	erase->block_count = kept;
}

/* "<log>/company/<block>": the blocks in whose latest state one of the names stands. */
static struct err *take_block(void *context, const struct record *record)
{
	struct erase *erase = context;
	char log[TOPIC_NAME_MAX + 1], prefix[TOPIC_NAME_MAX + 16];
	struct identity_block_record block = { .count = 0 };
	topics_name(conf_string(erase->conf, "app.id"), "identity.events", log);
	int len = snprintf(prefix, sizeof prefix, "%s/company/", log);
	size_t from = (size_t)len;
	if (record->key.len <= from || record->key.len - from > KEY_LEN_MAX ||
	    memcmp(record->key.data, prefix, from) != 0)
		return NULL;
	struct bytes name = bytes_of(record->key.data + from, record->key.len - from);
	forget_block(erase, name);
	struct err *err = record->value.data == NULL
				  ? NULL
				  : registry_decode(erase->registry, &identity_block_type,
						    record->value, &block);
	for (size_t i = 0; err == NULL && i < block.count; i++) {
		if (!has_name(erase, block.names[i].name))
			continue;
		erase->blocks = check_realloc(erase->blocks,
					      2 * (erase->block_count + 1) * sizeof *erase->blocks);
		struct name_text *pair = &erase->blocks[2 * erase->block_count++];
		name_text_set(&pair[0], name);
		name_text_set(&pair[1], block.names[i].name);
	}
	return err;
}

static struct err *list_blocks(struct erase *erase)
{
	char topic[TOPIC_NAME_MAX + 1];
	erase->block_count = 0;
	topics_name(conf_string(erase->conf, "app.id"), "identity.meta", topic);
	const struct reader_options reading = { .client = &erase->client.options,
						.topic = topic,
						.partition = -1 };
	return reader_run(&reading, take_block, erase, NULL);
}

/* ---- what is written ------------------------------------------------------------------------ */

static struct err *send(struct erase *erase, const char *topic, struct bytes key,
			const struct record_type *type, const void *record)
{
	uint8_t value[VALUE_MAX];
	size_t len = 0;
	struct err *err =
		registry_encode(erase->registry, topic, type, record, value, sizeof value, &len);
	const struct outgoing out = {
		.topic = topic, .partition = -1, .key = key, .value = bytes_of(value, len)
	};
	return err != NULL ? err : writer_send(erase->writer, &out);
}

/* First for those who come later, then for the stages that hold something. */
static struct err *write_decisions(struct erase *erase)
{
	const struct identity_decision decision = { DECISION_ERASED, erase->at_ms };
	struct err *err = NULL;
	for (size_t i = erase->written_count; err == NULL && i < erase->name_count; i++) {
		char key[HASH_SHA256_HEX_LEN + 1];
		decisions_name_key(name_text_bytes(&erase->names[i]), key);
		err = send(erase, "identity.decisions", bytes_str(key), &identity_decision_type,
			   &decision);
	}
	return err != NULL ? err : writer_flush(erase->writer, FLUSH_MS);
}

static struct err *write_notes(struct erase *erase)
{
	char log[TOPIC_NAME_MAX + 1];
	topics_name(conf_string(erase->conf, "app.id"), "identity.events", log);
	struct identity_note note = { .kind = NOTE_ERASE, .at_ms = erase->at_ms };
	struct err *err = NULL;
	for (size_t i = 0; err == NULL && i < erase->block_count; i++) {
		note.name = name_text_bytes(&erase->blocks[2 * i]);
		note.other = name_text_bytes(&erase->blocks[2 * i + 1]);
		err = send(erase, log, note.name, &identity_note_type, &note);
	}
	note.other = bytes_of(NULL, 0);
	/* the account last: as long as it is there, an erasure that broke off finds the rest */
	for (size_t i = erase->name_count; err == NULL && i-- > erase->written_count;) {
		note.name = name_text_bytes(&erase->names[i]);
		err = send(erase, log, note.name, &identity_note_type, &note);
	}
	erase->written_count = erase->name_count;
	return err != NULL ? err : writer_flush(erase->writer, FLUSH_MS);
}

static struct err *write_all(struct erase *erase)
{
	struct err *err = writer_open(&erase->client.options, &erase->writer);
	if (err == NULL)
		err = write_decisions(erase);
	if (err == NULL)
		err = write_notes(erase);
	if (erase->writer != NULL)
		writer_close(&erase->writer);
	return err;
}

/* ---- whether it is done --------------------------------------------------------------------- */

struct looking {
	const struct erase *erase;
	const char *prefix; /* of the keys */
	bool *there;	    /* by the names' places */
};

static struct err *look_at(void *context, const struct record *record)
{
	struct looking *looking = context;
	size_t len = strlen(looking->prefix);
	if (record->key.len <= len || memcmp(record->key.data, looking->prefix, len) != 0)
		return NULL;
	struct bytes key = bytes_of(record->key.data + len, record->key.len - len);
	for (size_t i = 0; i < looking->erase->name_count; i++)
		if (bytes_equal(key, name_text_bytes(&looking->erase->names[i])))
			looking->there[i] = record->value.data != NULL;
	return NULL;
}

/* Whether a compacted topic has none of the names any more. */
static struct err *look_in(struct erase *erase, const char *logical, const char *prefix,
			   bool *is_gone)
{
	char topic[TOPIC_NAME_MAX + 1];
	struct looking looking = { erase, prefix, check_calloc(erase->name_count, sizeof(bool)) };
	topics_name(conf_string(erase->conf, "app.id"), logical, topic);
	const struct reader_options reading = { .client = &erase->client.options,
						.topic = topic,
						.partition = -1 };
	struct err *err = reader_run(&reading, look_at, &looking, NULL);
	*is_gone = err == NULL;
	for (size_t i = 0; i < erase->name_count; i++)
		*is_gone &= !looking.there[i];
	free(looking.there);
	return err;
}

static struct err *look(struct erase *erase, bool *done)
{
	char prefix[TOPIC_NAME_MAX + 16];
	topics_name(conf_string(erase->conf, "app.id"), "identity.events", prefix);
	snprintf(prefix + strlen(prefix), 8, "/name/");
	struct err *err = look_in(erase, "accounts", "", done);
	return err != NULL || !*done ? err : look_in(erase, "identity.meta", prefix, done);
}

/* A name may have been answered just before its account was erased, or what that had gone into, or
 * its company been told: it is found now, and follows. */
static struct err *sweep(struct erase *erase, bool *done)
{
	struct name_table *table = &erase->table;
	struct name_text account = table->account;
	name_table_fini(table);
	struct err *err = name_table_read_under(table, erase->conf, &erase->client.options,
						erase->names, erase->name_count);
	table->account = account;
	if (err == NULL)
		err = list_blocks(erase);
	*done = err == NULL && table->count == 0 && erase->block_count == 0;
	if (err != NULL || *done)
		return err;
	list_names(erase);
	return write_all(erase);
}

static struct err *wait_for_stages(struct erase *erase, int64_t seconds, bool *done)
{
	int64_t end_ms = time_monotonic_ms() + seconds * 1000;
	for (;;) {
		struct err *err = look(erase, done);
		if (err == NULL && *done)
			err = sweep(erase, done);
		if (err != NULL || *done || time_monotonic_ms() >= end_ms || stop_requested())
			return err;
		time_system.sleep_ms(time_system.context, LOOK_MS);
	}
}

/* ---- the command ---------------------------------------------------------------------------- */

static struct err *find(struct erase *erase, const char *operand)
{
	struct name_key key;
	struct err *err = name_table_operand(operand, &key);
	if (err == NULL)
		err = name_table_read(&erase->table, erase->conf, &erase->client.options,
				      name_bytes(&key));
	if (err == NULL && erase->table.count == 0)
		err = err_new(ERR_FATAL, "NAME_UNKNOWN",
			      "nothing is known of %s: it was erased, or never seen", operand);
	if (err != NULL)
		return err;
	list_names(erase);
	return list_blocks(erase);
}

static void say_what(const struct erase *erase, bool really)
{
	struct bytes account = name_text_bytes(&erase->table.account);
	printf("account %.*s, %zu names%s\n", (int)account.len, (const char *)account.data,
	       erase->name_count, really ? "" : " would be erased; --yes does it");
	for (size_t i = 0; i < erase->name_count; i++)
		printf("  %.*s\n", (int)erase->names[i].len, (const char *)erase->names[i].text);
}

static struct err *run(const struct args *args, struct erase *erase)
{
	bool really = args_switch(args, "yes"), done = false;
	int64_t seconds = WAIT_S;
	struct err *err = args_number(args, "wait", WAIT_S, 0, WAIT_S_MAX, &seconds);
	if (err == NULL)
		err = registry_open(conf_string(erase->conf, "registry.url"), &erase->registry);
	if (err == NULL)
		err = find(erase, args_operand(args, 0));
	if (err != NULL)
		return err;
	say_what(erase, really);
	if (really) {
		err = write_all(erase);
		if (err == NULL)
			err = wait_for_stages(erase, seconds, &done);
		if (err == NULL)
			printf("%s\n", done ? "erased: no state and no compacted topic has them"
					    : "not done yet: the stages will do it when they run");
	}
	if (err == NULL) {
		printf("what remains%s:\n", really ? "" : " then");
		fflush(stdout);
		err = traces_print(erase->conf, &erase->client.options, erase->names,
				   erase->name_count, stdout);
	}
	if (err == NULL)
		printf("  %-32s until RocksDB rewrites its files: `run --compact` does so now\n",
		       "state.dir of each process");
	return err;
}

int cmd_erase(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct erase *erase = check_calloc(1, sizeof *erase);
	erase->conf = args_conf(args);
	erase->at_ms = time_wall_ms();
	options_client_init(&erase->client, erase->conf);
	struct err *err = run(args, erase);
	name_table_fini(&erase->table);
	registry_close(&erase->registry);
	free(erase->names);
	free(erase->blocks);
	free(erase);
	args_close(&args);
	return exit_report("erase", &err);
}
