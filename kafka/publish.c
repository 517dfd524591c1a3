#include "kafka/publish.h"

enum { FLUSH_MS = 30000 };

static struct err *send_all(struct writer *writer, struct outgoing *out)
{
	int32_t partition_count = 0;
	struct err *err = writer_partition_count(writer, out->topic, &partition_count);
	for (int32_t i = 0; err == NULL && i < partition_count; i++) {
		out->partition = i;
		err = writer_send(writer, out);
	}
	return err;
}

static struct err *publish(const struct client_options *client, struct outgoing *out, bool all)
{
	struct writer *writer = NULL;
	struct err *err = writer_open(client, &writer);
	if (err == NULL)
		err = all ? send_all(writer, out) : writer_send(writer, out);
	if (err == NULL)
		err = writer_flush(writer, FLUSH_MS);
	if (writer != NULL)
		writer_close(&writer);
	return err;
}

struct err *publish_one(const struct client_options *client, const char *topic, struct bytes key,
			struct bytes value)
{
	struct outgoing out = { .topic = topic, .partition = -1, .key = key, .value = value };
	return publish(client, &out, false);
}

struct err *publish_to_all(const struct client_options *client, const char *topic, struct bytes key,
			   struct bytes value)
{
	struct outgoing out = { .topic = topic, .key = key, .value = value };
	return publish(client, &out, true);
}
