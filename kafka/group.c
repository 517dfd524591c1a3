#include "kafka/group.h"

#include "base/timestamp.h"
#include "kafka/rd.h"

/* A member's consumer that never subscribes. */
struct group_reader {
	struct rd_client client;
	rd_kafka_t *handle;
	rd_kafka_topic_partition_list_t *committed;
};

static struct err *open_reader(struct group_reader *reader, const struct client_options *options,
			       const char *group, const char *isolation)
{
	const struct rd_setting settings[] = {
		{ "group.id", group },
		{ "enable.auto.commit", "false" },
		/* read_committed waits for what an open transaction holds */
		{ "isolation.level", isolation },
	};
	rd_kafka_conf_t *conf = NULL;
	struct err *err = rd_conf_new(options, settings, sizeof settings / sizeof settings[0],
				      &reader->client, &conf);
	return err != NULL ? err : rd_handle_new(RD_KAFKA_CONSUMER, conf, &reader->handle);
}

static struct err *ask_committed(struct group_reader *reader, const char *topic)
{
	rd_kafka_resp_err_t code =
		rd_kafka_committed(reader->handle, reader->committed, RD_CALL_MS);
	for (int i = 0; code == 0 && i < reader->committed->cnt; i++)
		code = reader->committed->elems[i].err;
	return code == 0 ? NULL
			 : rd_err_code(code, &reader->client, "committed offsets on %s", topic);
}

static struct err *read_committed(struct group_reader *reader, const char *topic)
{
	int32_t count = 0;
	struct err *err = rd_partition_count(reader->handle, &reader->client, topic, &count);
	if (err != NULL)
		return err;
	reader->committed = rd_kafka_topic_partition_list_new(count);
	for (int32_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(reader->committed, topic, i);
	int64_t deadline = time_monotonic_ms() + RD_CALL_MS;
	err = ask_committed(reader, topic);
	/* A broker that has just come up is not yet sure which groups it coordinates. */
	while (err != NULL && err_verdict(err) == ERR_RETRY && time_monotonic_ms() < deadline) {
		err_free(&err);
		rd_pause(20);
		err = ask_committed(reader, topic);
	}
	return err;
}

static void close_reader(struct group_reader *reader)
{
	if (reader->committed != NULL)
		rd_kafka_topic_partition_list_destroy(reader->committed);
	if (reader->handle != NULL)
		rd_kafka_destroy(reader->handle);
}

struct err *group_lag(const struct client_options *client, const char *group, const char *topic,
		      int64_t *offsets)
{
	struct group_reader reader = { .handle = NULL };
	*offsets = 0;
	struct err *err = open_reader(&reader, client, group, "read_uncommitted");
	if (err == NULL)
		err = read_committed(&reader, topic);
	for (int i = 0; err == NULL && i < reader.committed->cnt; i++) {
		int64_t low = 0, high = 0, next = reader.committed->elems[i].offset;
		err = rd_watermarks(reader.handle, &reader.client, topic, i, &low, &high);
		next = next < low ? low : next;
		if (err == NULL && next < high)
			*offsets += high - next;
	}
	close_reader(&reader);
	return err;
}

struct err *group_has_offsets(const struct client_options *client, const char *group,
			      const char *topic, bool *has)
{
	struct group_reader reader = { .handle = NULL };
	*has = false;
	struct err *err = open_reader(&reader, client, group, "read_committed");
	if (err == NULL)
		err = read_committed(&reader, topic);
	for (int i = 0; err == NULL && i < reader.committed->cnt; i++)
		*has = *has || reader.committed->elems[i].offset >= 0;
	close_reader(&reader);
	return err;
}
