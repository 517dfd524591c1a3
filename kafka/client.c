#include "kafka/client.h"

#include <librdkafka/rdkafka.h>

const char *client_version(void)
{
	return rd_kafka_version_str();
}
