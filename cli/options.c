#include "cli/options.h"

#include <string.h>

#include "base/check.h"
#include "cli/budget.h"
#include "consumers/topics.h"
#include "consumers/webhook.h"

#define NAMES	   "[A-Za-z0-9._-]+"
#define HOST	   "(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+)"
/* to 65535: the C library would take a larger one modulo 65536 */
#define PORT \
	"([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"
#define DAYS_31_MS 2678400000.0

static const struct conf_option rows[] = {
	{ .name = "app.id",
	  .kind = CONF_STRING,
	  .fallback = "foretell",
	  .min = 1,
	  .max = APP_ID_MAX,
	  .pattern = "^[a-z0-9-]+$",
	  .pattern_text = "lower-case letters, digits and -",
	  .doc = "Name of the application: prefix of its consumer groups, transactional ids, state "
		 "folders and output topics. Another name runs beside the first on the same "
		 "input." },
	{ .name = "kafka.bootstrap.servers",
	  .kind = CONF_STRING,
	  .fallback = "127.0.0.1:9092",
	  .min = 1,
	  .max = 4096,
	  .pattern = "^[^ ,]+:[0-9]+(,[^ ,]+:[0-9]+)*$",
	  .pattern_text = "host:port[,host:port]",
	  .doc = "Brokers to start from. Short: --brokers." },
	{ .name = "registry.url",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .min = 0,
	  .max = 1024,
	  .pattern = "^(https?://.+)?$",
	  .pattern_text = "http(s)://[user:password@]host:port[/path]",
	  .doc = "A Confluent-compatible schema registry; empty: the project's own schema ids, "
		 "without a registry. Short: --registry." },
	{ .name = "state.dir",
	  .kind = CONF_STRING,
	  .fallback = "foretell-state",
	  .min = 1,
	  .max = 1024,
	  .doc = "Folder of the local state (RocksDB); one folder below it for each application." },
	{ .name = "instance",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .min = 0,
	  .max = 128,
	  .pattern = "^(" NAMES ")?$",
	  .pattern_text = "letters, digits, ., _ and -",
	  .doc = "Stable name of this process within its application (static membership): it comes "
		 "back to its partitions at once after a crash. Empty: a name is made at random "
		 "and "
		 "kept in a file beside the state." },
	{ .name = "inputs",
	  .kind = CONF_LIST,
	  .fallback = "erp.events,crm.events,iot.events,marketing.events,support.events,"
		      "content.events,market.events",
	  .min = 1,
	  .max = TOPICS_PER_STAGE_MAX,
	  .pattern = "^" NAMES "$",
	  .pattern_text = "input topics",
	  .doc = "Topics that the resolve stage reads." },
	{ .name = "clock",
	  .kind = CONF_ENUM,
	  .fallback = "live",
	  .choices = "live|data",
	  .doc = "live: an input that is read to its end and quiet is carried on by the wall "
		 "clock. "
		 "data: only events and the end of an input move time (history)." },
	{ .name = "tick.ms",
	  .kind = CONF_DURATION,
	  .fallback = "3600000",
	  .min = 1000,
	  .max = DAYS_31_MS,
	  .unit = "ms",
	  .doc = "Distance of ticks: how finely silence is noticed. An hour live, a day (1d) for "
		 "history." },
	{ .name = "late.future.ms",
	  .kind = CONF_DURATION,
	  .fallback = "600000",
	  .min = 0,
	  .max = DAYS_31_MS,
	  .unit = "ms",
	  .doc = "How far ahead of its ingest time an event may be dated; beyond it goes to dlq." },
	{ .name = "identity.wait.ms",
	  .kind = CONF_DURATION,
	  .fallback = "7d",
	  .min = 0,
	  .max = DAYS_31_MS,
	  .unit = "ms",
	  .doc = "How long an event waits for the account of its name to become known, in event "
		 "time." },
	{ .name = "identity.unknown",
	  .kind = CONF_ENUM,
	  .fallback = "account",
	  .choices = "account|dlq",
	  .doc = "What becomes of a name whose account is not known in time: an account of its "
		 "own, "
		 "which is merged when it is found to belong to another one, or its events go to "
		 "dlq." },
	{ .name = "identity.accounts",
	  .kind = CONF_LIST,
	  .fallback = "",
	  .min = 0,
	  .max = 16,
	  .pattern = "^(tax_id|erp\\.customer|domain|email|phone|crm\\.contact|"
		     "product\\.account|iot\\.device|cookie)$",
	  .pattern_text = "schemes of identifiers",
	  .doc = "Schemes whose names are accounts at once, besides crm.account: for systems that "
		 "nobody links." },
	{ .name = "idle.ms",
	  .kind = CONF_DURATION,
	  .fallback = "30000",
	  .min = 100,
	  .max = DAYS_31_MS,
	  .unit = "ms",
	  .doc = "With clock=live: how long an input must be quiet before the wall clock carries "
		 "it "
		 "on." },
	{ .name = "commit.interval.ms",
	  .kind = CONF_DURATION,
	  .fallback = "100",
	  .min = 1,
	  .max = 60000,
	  .unit = "ms",
	  .doc = "Longest time between two commits: latency of outputs against work of the "
		 "broker." },
	{ .name = "checkpoint.interval.ms",
	  .kind = CONF_DURATION,
	  .fallback = "2000",
	  .min = 0,
	  .max = 600000,
	  .unit = "ms",
	  .doc = "How long a changed state may stay unpublished: what a restart has to replay. 0 "
		 "publishes every change with its commit." },
	{ .name = "cache.entries",
	  .kind = CONF_INT,
	  .fallback = "200000",
	  .min = 1000,
	  .max = 100000000,
	  .unit = "entries",
	  .doc = "States that each worker keeps in memory at most, as far as memory.max has room; "
		 "slow where the active ones do not fit." },
	{ .name = "workers",
	  .kind = CONF_INT,
	  .fallback = "1",
	  .min = 1,
	  .max = STAGE_WORKERS_MAX,
	  .unit = "workers",
	  .doc = "Workers of each stage in this process, a thread each; they share its "
		 "partitions." },
	{ .name = "standby",
	  .kind = CONF_ENUM,
	  .fallback = "none",
	  .choices = "none|all",
	  .doc = "all: each worker also follows the states of the partitions that it does not own, "
		 "so that it can take them over without reading them all." },
	{ .name = "memory.max",
	  .kind = CONF_SIZE,
	  .fallback = "1G",
	  .min = BUDGET_BYTES_MIN,
	  .max = 1099511627776.0,
	  .unit = "bytes",
	  .doc = "Memory of a process: what the Kafka clients, transactions, caches and RocksDB "
		 "share (docs/operate.md says how)." },
	{ .name = "partitions",
	  .kind = CONF_INT,
	  .fallback = "16",
	  .min = 1,
	  .max = PARTITIONS_MAX,
	  .unit = "partitions",
	  .doc = "Partitions of every topic that is created. For good: it can't be changed "
		 "later." },
	{ .name = "replication",
	  .kind = CONF_INT,
	  .fallback = "-1",
	  .min = -1,
	  .max = 15,
	  .unit = "copies",
	  .doc = "Replication factor of topics that are created; -1: the broker's default." },
	{ .name = "alert.open",
	  .kind = CONF_DOUBLE,
	  .fallback = "0.80",
	  .min = 0,
	  .max = 1,
	  .unit = "probability",
	  .doc = "A churn alert opens at this probability." },
	{ .name = "alert.close",
	  .kind = CONF_DOUBLE,
	  .fallback = "0.60",
	  .min = 0,
	  .max = 1,
	  .unit = "probability",
	  .doc = "An open alert is resolved below this probability; not above alert.open." },
	{ .name = "alert.orders.min",
	  .kind = CONF_INT,
	  .fallback = "3",
	  .min = 1,
	  .max = 1000,
	  .unit = "orders",
	  .doc = "Accounts with fewer orders raise no alert." },
	{ .name = "risk.open",
	  .kind = CONF_DOUBLE,
	  .fallback = "0.25",
	  .min = 0,
	  .max = 1,
	  .unit = "probability",
	  .doc = "A churn alert opens at this probability for an account of which more than orders "
		 "is known." },
	{ .name = "risk.close",
	  .kind = CONF_DOUBLE,
	  .fallback = "0.15",
	  .min = 0,
	  .max = 1,
	  .unit = "probability",
	  .doc = "Such an alert is resolved below this probability; not above risk.open." },
	{ .name = "opportunity.open",
	  .kind = CONF_DOUBLE,
	  .fallback = "0.55",
	  .min = 0,
	  .max = 1,
	  .unit = "probability",
	  .doc = "An opportunity is said at this probability that an account buys more within 30 "
		 "days; 0: never." },
	{ .name = "opportunity.close",
	  .kind = CONF_DOUBLE,
	  .fallback = "0.35",
	  .min = 0,
	  .max = 1,
	  .unit = "probability",
	  .doc = "It is over below this probability; not above opportunity.open." },
	{ .name = "model.activate",
	  .kind = CONF_ENUM,
	  .fallback = "manual",
	  .choices = "manual|auto",
	  .doc = "manual: a learnt model becomes active by `foretell models activate`. auto: each "
		 "version does as soon as it is published; then a replay in another application, "
		 "which learns at another pace, may give other scores." },
	{ .name = "series.dimensions",
	  .kind = CONF_LIST,
	  .fallback = "",
	  .min = 0,
	  .max = ATTR_COUNT_MAX,
	  .pattern = "^" NAMES "$",
	  .pattern_text = "attribute names",
	  .doc = "Attributes of orders by which revenue is forecast besides the total, e.g. "
		 "country." },
	{ .name = "series.file",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .min = 0,
	  .max = 1024,
	  .doc = "JSON file that says which series are forecast (docs/forecasting.md), instead of "
		 "revenue by day and week. Every process of an application needs the same." },
	{ .name = "allocation.file",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .min = 0,
	  .max = 1024,
	  .doc = "JSON file with sites, ways and costs by which stock is allocated "
		 "(docs/allocations.md). Every process of an application needs the same. Empty: "
		 "no allocations are made, and there is no allocate stage." },
	{ .name = "webhook.url",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .min = 0,
	  .max = 2048,
	  .pattern = "^(https?://.+)?$",
	  .pattern_text = "http(s)://host[:port][/path]",
	  .doc = "Where `webhook` posts alerts." },
	{ .name = "webhook.name",
	  .kind = CONF_STRING,
	  .fallback = "default",
	  .min = 1,
	  .max = 64,
	  .pattern = "^" NAMES "$",
	  .pattern_text = "letters, digits, ., _ and -",
	  .doc = "Name of the receiver: each has positions of its own." },
	{ .name = "webhook.secret.file",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .min = 0,
	  .max = 1024,
	  .doc = "File with one secret that requests are signed with, or two while they are "
		 "exchanged: lines of whsec_ and 24 to 64 random bytes in base64 (Standard "
		 "Webhooks). Empty: not signed." },
	{ .name = "webhook.authorization.file",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .min = 0,
	  .max = 1024,
	  .doc = "File with the value of the Authorization header, such as \"Bearer ...\". Empty: "
		 "none." },
	{ .name = "webhook.ca.file",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .min = 0,
	  .max = 1024,
	  .doc = "PEM file of the authorities that the receiver's certificate may descend from. "
		 "Empty: the system's." },
	{ .name = "webhook.timeout.ms",
	  .kind = CONF_DURATION,
	  .fallback = "10000",
	  .min = 100,
	  .max = 300000,
	  .unit = "ms",
	  .doc = "How long a receiver may take to answer." },
	{ .name = "webhook.retry.max.ms",
	  .kind = CONF_DURATION,
	  .fallback = "86400000",
	  .min = 0,
	  .max = DAYS_31_MS,
	  .unit = "ms",
	  .doc = "How long an alert is tried before it is parked." },
	{ .name = "webhook.parallel",
	  .kind = CONF_INT,
	  .fallback = "8",
	  .min = 1,
	  .max = WEBHOOK_PARALLEL_MAX,
	  .unit = "requests",
	  .doc = "Requests at a time; of one account never more than one." },
	{ .name = "http.listen",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .min = 0,
	  .max = 300,
	  .pattern = "^(" HOST ":" PORT ")?$",
	  .pattern_text = "host:port, [address]:port, or nothing",
	  .doc = "Where `run` serves /metrics, /health, /ready and /status over HTTP, and where "
		 "`status` looks for them. Empty: nowhere. Port 0: a free one, which the log "
		 "names. Without encryption or passwords: keep it inside." },
	{ .name = "serve.listen",
	  .kind = CONF_STRING,
	  .fallback = "127.0.0.1:8088",
	  .min = 1,
	  .max = 300,
	  .pattern = "^" HOST ":" PORT "$",
	  .pattern_text = "host:port or [address]:port",
	  .doc = "Where `serve` takes events in. Beyond loopback it needs serve.keys." },
	{ .name = "serve.keys",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .max = 4096,
	  .doc = "JSON file of tokens and secrets by sender, see http.md. Empty: anybody on this "
		 "machine may write." },
	{ .name = "serve.tls.certificate",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .max = 4096,
	  .doc = "PEM file of the certificate and its chain. Empty: without TLS." },
	{ .name = "serve.tls.key",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .max = 4096,
	  .doc = "PEM file of the certificate's private key." },
	{ .name = "serve.hooks",
	  .kind = CONF_STRING,
	  .fallback = "",
	  .max = 4096,
	  .doc = "Folder of mappings: NAME.json in it makes POST /hooks/NAME. Read at the start." },
	{ .name = "serve.rate",
	  .kind = CONF_INT,
	  .fallback = "10000",
	  .min = 1,
	  .max = 10000000,
	  .unit = "events/s",
	  .doc = "What each key may send, unless the keys' file says otherwise; beyond it 429." },
	{ .name = "serve.pending",
	  .kind = CONF_INT,
	  .fallback = "20000",
	  .min = 1000,
	  .max = 1000000,
	  .unit = "events",
	  .doc = "Events on their way to the brokers; beyond it senders are told to come back." },
	{ .name = "serve.ack.ms",
	  .kind = CONF_DURATION,
	  .fallback = "10000",
	  .min = 1000,
	  .max = 60000,
	  .unit = "ms",
	  .doc = "How long the brokers may take to acknowledge; then the sender is told 503." },
	{ .name = "log.level",
	  .kind = CONF_ENUM,
	  .fallback = "info",
	  .choices = "debug|info|warn|error|off",
	  .doc = "What is logged on stderr: this level and above. Commands that end by "
		 "themselves log errors only, unless it is set." },
};

const struct conf_table options_table = {
	.options = rows,
	.option_count = sizeof rows / sizeof rows[0],
	.env_prefix = "FORETELL_",
	.env_file = "FORETELL_CONFIG",
	.open_prefix = "kafka.",
	.open_doc =
		"Any other name goes to the Kafka client as librdkafka's CONFIGURATION.md has it: "
		"kafka.security.protocol, kafka.sasl.username, kafka.ssl.ca.location, ... "
		"Records are written with kafka.compression.codec=lz4 unless it is set.",
};

static struct err *bounds_check(const struct conf *conf)
{
	static const char *const pairs[][2] = { { "alert.open", "alert.close" },
						{ "risk.open", "risk.close" },
						{ "opportunity.open", "opportunity.close" } };
	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
		double open = conf_double(conf, pairs[i][0]);
		double close = conf_double(conf, pairs[i][1]);
		if (close > open && open > 0)
			return err_new(ERR_FATAL, "CONF_INVALID",
				       "%s (%.15g) must not be above %s (%.15g), or an alert would "
				       "be resolved as it opens",
				       pairs[i][1], close, pairs[i][0], open);
	}
	return NULL;
}

struct err *options_check(const struct conf *conf)
{
	struct err *err = bounds_check(conf);
	if (err != NULL)
		return err;
	size_t count;
	(void)conf_list(conf, "series.dimensions", &count);
	if (count > 0 && *conf_string(conf, "series.file") != '\0')
		return err_new(ERR_FATAL, "CONF_INVALID",
			       "series.dimensions splits the revenue that is forecast by default; "
			       "with series.file, write dimensions there");
	const char *const *inputs = conf_list(conf, "inputs", &count);
	for (size_t i = 0; i < count; i++) {
		if (topics_find_input(inputs[i]) == NULL)
			return err_new(ERR_FATAL, "CONF_INVALID",
				       "inputs names \"%s\", which is none of foretell's inputs "
				       "(erp.events, crm.events, iot.events, marketing.events, "
				       "support.events, content.events, market.events, or a name "
				       "that ends with one of these, such as eu.erp.events)",
				       inputs[i]);
		for (size_t j = 0; j < i; j++)
			if (strcmp(inputs[i], inputs[j]) == 0)
				return err_new(ERR_FATAL, "CONF_INVALID",
					       "inputs names \"%s\" twice", inputs[i]);
	}
	return NULL;
}

void options_client_init(struct options_client *client, const struct conf *conf)
{
	size_t count = conf_open_count(conf);
	CHECK(count <= CONF_OPEN_MAX);
	for (size_t i = 0; i < count; i++)
		conf_open_at(conf, i, &client->properties[i].name, &client->properties[i].value);
	client->options.brokers = conf_string(conf, "kafka.bootstrap.servers");
	client->options.properties = client->properties;
	client->options.property_count = count;
}
