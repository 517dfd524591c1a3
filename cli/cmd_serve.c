#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/file_text.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/door.h"
#include "cli/options.h"
#include "cli/stop.h"
#include "producers/mapping_row.h"

static const char *const shown_options[] = { "kafka.bootstrap.servers",
					     "inputs",
					     "registry.url",
					     "serve.listen",
					     "serve.keys",
					     "serve.tls.certificate",
					     "serve.tls.key",
					     "serve.hooks",
					     "serve.rate",
					     "serve.pending",
					     "serve.ack.ms",
					     "http.listen",
					     NULL };

static const char *const examples[] = {
	"foretell serve",
	"foretell serve --serve.listen 0.0.0.0:8443 --serve.keys keys.json \\\n"
	"      --serve.tls.certificate cert.pem --serve.tls.key key.pem --serve.hooks mappings",
	NULL,
};

static const struct args_spec spec = {
	.command = "serve",
	.operands = "",
	.about = "Takes events in over HTTP and writes them to the input topics: CloudEvents,\n"
		 "events as their schema has them, and webhooks by mappings. 202 is answered once\n"
		 "the brokers have acknowledged. Ends on SIGINT or SIGTERM, after what is under "
		 "way.\n"
		 "See docs/http.md.",
	.options = shown_options,
	.examples = examples,
};

enum { PEM_LEN_MAX = 256 * 1024, WATCH_MS = 100, PATH_LEN_MAX = 4096 };

struct serve {
	const struct conf *conf;
	struct options_client client;
	struct registry *registry;
	struct door_keys *keys;
	struct door_hook hooks[DOOR_HOOKS_MAX];
	size_t hook_count;
	char *certificate, *key;
	struct http_listener *listener, *pages_listener;
	struct door *door;
	struct http_server *pages;
};

/* ---- what it needs -------------------------------------------------------------------------- */

/* A file's text into a new *text; NULL where the option is empty. */
static struct err *pem_read(const struct conf *conf, const char *option, char **text)
{
	const char *path = conf_string(conf, option);
	size_t len = 0;
	if (*path == '\0')
		return NULL;
	struct err *err = file_text_read(path, PEM_LEN_MAX, "CONF_INVALID", text, &len);
	if (err == NULL && len == 0)
		err = err_new(ERR_FATAL, "CONF_INVALID", "%s is empty", path);
	return err == NULL ? NULL : err_wrap(err, "%s, expected a PEM file", option);
}

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]", 5) == 0;
}

static struct err *keys_load(struct serve *serve)
{
	const char *path = conf_string(serve->conf, "serve.keys");
	const char *address = http_listener_address(serve->listener);
	int64_t rate = conf_int(serve->conf, "serve.rate");
	if (*path != '\0')
		return door_keys_load(path, rate, &serve->keys);
	if (!is_loopback(address))
		return err_new(ERR_FATAL, "CONF_INVALID",
			       "serve.listen=%s without serve.keys would let anybody write events: "
			       "give a file of keys, or listen on 127.0.0.1",
			       address);
	serve->keys = door_keys_open(rate);
	return NULL;
}

static struct err *hook_load(struct serve *serve, const char *folder, const char *file)
{
	char path[PATH_LEN_MAX];
	size_t len = strlen(file);
	struct door_hook *hook = &serve->hooks[serve->hook_count];
	if (len <= 5 || strcmp(file + len - 5, ".json") != 0)
		return NULL;
	if (serve->hook_count == DOOR_HOOKS_MAX || len - 5 >= sizeof hook->name)
		return err_new(ERR_FATAL, "CONF_INVALID",
			       "serve.hooks=%s: %s: at most %d mappings with names of at most 63 "
			       "bytes are taken",
			       folder, file, DOOR_HOOKS_MAX);
	snprintf(path, sizeof path, "%s/%s", folder, file);
	struct err *err = mapping_load(path, &hook->mapping);
	if (err != NULL)
		return err;
	if (mapping_info(hook->mapping).is_csv) {
		mapping_free(&hook->mapping); /* of delimited text: for `ingest` */
		return NULL;
	}
	snprintf(hook->name, sizeof hook->name, "%.*s", (int)len - 5, file);
	serve->hook_count++;
	return mapping_bind_json(hook->mapping);
}

static struct err *hooks_load(struct serve *serve)
{
	const char *folder = conf_string(serve->conf, "serve.hooks");
	struct err *err = NULL;
	const struct dirent *entry;
	if (*folder == '\0')
		return NULL;
	DIR *files = opendir(folder);
	if (files == NULL)
		return err_new(ERR_FATAL, "CONF_INVALID", "serve.hooks=%s can't be read: %s",
			       folder, strerror(errno));
	while (err == NULL && (entry = readdir(files)) != NULL)
		err = hook_load(serve, folder, entry->d_name);
	closedir(files);
	return err;
}

/* ---- serving -------------------------------------------------------------------------------- */

static unsigned write_metrics(void *context, FILE *out)
{
	door_stats_write(context, out);
	return 200;
}

static unsigned write_ready(void *context, FILE *out)
{
	bool ready = door_stats_ready(context, time_monotonic_ms(), out);
	if (ready)
		fputs("ok\n", out);
	return ready ? 200 : 503;
}

static unsigned write_health(void *context, FILE *out)
{
	(void)context;
	fputs("ok\n", out);
	return 200;
}

static const struct http_page pages[] = {
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics },
	{ "/health", "text/plain; charset=utf-8", write_health },
	{ "/ready", "text/plain; charset=utf-8", write_ready },
};

static struct err *door_open(struct serve *serve)
{
	size_t topic_count = 0;
	const char *const *topics = conf_list(serve->conf, "inputs", &topic_count);
	const struct door_options options = {
		.client = &serve->client.options,
		.registry = serve->registry,
		.keys = serve->keys,
		.topics = topics,
		.topic_count = topic_count,
		.hooks = serve->hooks,
		.hook_count = serve->hook_count,
		.certificate = serve->certificate,
		.key = serve->key,
		.ack_ms = (int)conf_int(serve->conf, "serve.ack.ms"),
		.pending_max = conf_int(serve->conf, "serve.pending"),
	};
	char address[HTTP_ADDRESS_MAX];
	snprintf(address, sizeof address, "%s", http_listener_address(serve->listener));
	struct err *err = door_start(&options, &serve->listener, &serve->door);
	if (err != NULL)
		return err;
	if (serve->certificate == NULL && !door_keys_are_open(serve->keys) && !is_loopback(address))
		log_emit(LOG_WARN, "door", "keys travel unencrypted", "{s:s}", "mend",
			 "give serve.tls.certificate and serve.tls.key");
	log_emit(LOG_INFO, "door", "the door is open", "{s:s, s:b, s:b, s:I}", "address", address,
		 "tls", serve->certificate != NULL, "keys", !door_keys_are_open(serve->keys),
		 "hooks", (json_int_t)serve->hook_count);
	if (serve->pages_listener == NULL)
		return NULL;
	log_emit(LOG_INFO, "door", "serving metrics, health and readiness", "{s:s}", "address",
		 http_listener_address(serve->pages_listener));
	return http_server_start(&serve->pages_listener, pages, sizeof pages / sizeof pages[0],
				 door_stats(serve->door), &serve->pages);
}

static struct err *prepare(struct serve *serve)
{
	const char *watch = conf_string(serve->conf, "http.listen");
	struct err *err = http_listen("serve.listen", conf_string(serve->conf, "serve.listen"),
				      &serve->listener);
	if (err == NULL && *watch != '\0')
		err = http_listen("http.listen", watch, &serve->pages_listener);
	if (err == NULL)
		err = keys_load(serve);
	if (err == NULL)
		err = pem_read(serve->conf, "serve.tls.certificate", &serve->certificate);
	if (err == NULL)
		err = pem_read(serve->conf, "serve.tls.key", &serve->key);
	if (err == NULL && (serve->certificate == NULL) != (serve->key == NULL))
		err = err_new(ERR_FATAL, "CONF_INVALID",
			      "serve.tls.certificate and serve.tls.key need each other");
	if (err == NULL)
		err = hooks_load(serve);
	if (err == NULL)
		err = registry_open(conf_string(serve->conf, "registry.url"), &serve->registry);
	return err;
}

static struct err *serve_run(const struct args *args)
{
	struct serve serve = { .conf = args_conf(args) };
	options_client_init(&serve.client, serve.conf);
	struct err *err = prepare(&serve);
	if (err == NULL)
		err = door_open(&serve);
	while (err == NULL && !stop_requested()) {
		time_system.sleep_ms(time_system.context, WATCH_MS);
		err = door_fatal(serve.door);
	}
	if (err == NULL)
		log_emit(LOG_INFO, "door", "closing, after what is under way", NULL);
	door_stop(&serve.door);
	http_server_stop(&serve.pages);
	http_listener_close(&serve.listener);
	http_listener_close(&serve.pages_listener);
	registry_close(&serve.registry);
	for (size_t i = 0; i < serve.hook_count; i++)
		mapping_free(&serve.hooks[i].mapping);
	door_keys_free(&serve.keys);
	free(serve.certificate);
	free(serve.key);
	return err;
}

int cmd_serve(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	stop_outlive_readers();
	struct err *err = serve_run(args);
	args_close(&args);
	return exit_report("serve", &err);
}
