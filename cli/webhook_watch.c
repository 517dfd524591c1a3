#include "cli/webhook_watch.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/timestamp.h"
#include "cli/http_server.h"

enum { STATUS_OK = 200, STATUS_UNAVAILABLE = 503, ALIVE_MS_MAX = 300000 };

struct webhook_watch {
	char *name;
	struct http_server *server;
	pthread_mutex_t lock; /* over what follows */
	struct webhook_stats stats;
	int64_t told_ms;
};

static struct webhook_stats look(struct webhook_watch *watch, int64_t *told_ms)
{
	pthread_mutex_lock(&watch->lock);
	struct webhook_stats stats = watch->stats;
	*told_ms = watch->told_ms;
	pthread_mutex_unlock(&watch->lock);
	return stats;
}

static unsigned write_metrics(void *context, FILE *out)
{
	struct webhook_watch *watch = context;
	int64_t told_ms;
	const struct webhook_stats stats = look(watch, &told_ms);
	const struct {
		const char *name, *help;
		enum metrics_type type;
		int64_t value;
	} rows[] = {
		{ "foretell_webhook_taken_total", "Alerts read.", METRICS_COUNTER, stats.taken },
		{ "foretell_webhook_delivered_total", "Alerts taken by the receiver.",
		  METRICS_COUNTER, stats.delivered },
		{ "foretell_webhook_retried_total", "Deliveries that failed and are tried again.",
		  METRICS_COUNTER, stats.retried },
		{ "foretell_webhook_parked_total", "Alerts put aside on webhook.parked.",
		  METRICS_COUNTER, stats.parked },
		{ "foretell_webhook_skipped_total", "Alerts about history, not sent.",
		  METRICS_COUNTER, stats.skipped },
		{ "foretell_webhook_waiting", "Alerts that wait for their turn or next try.",
		  METRICS_GAUGE, stats.waiting },
		{ "foretell_webhook_flying", "Requests under way.", METRICS_GAUGE, stats.flying },
	};
	struct metrics metrics;
	metrics_init(&metrics, out);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		metrics_family(&metrics, rows[i].name, rows[i].type, rows[i].help);
		metrics_labels_clear(&metrics);
		metrics_label(&metrics, "webhook", watch->name);
		metrics_count(&metrics, rows[i].value);
	}
	return STATUS_OK;
}

static unsigned write_health(void *context, FILE *out)
{
	int64_t told_ms;
	look(context, &told_ms);
	bool alive = time_monotonic_ms() - told_ms < ALIVE_MS_MAX;
	fputs(alive ? "ok\n" : "the sink has not come round for 300 s\n", out);
	return alive ? STATUS_OK : STATUS_UNAVAILABLE;
}

static unsigned write_ready(void *context, FILE *out)
{
	int64_t told_ms;
	const struct webhook_stats stats = look(context, &told_ms);
	bool reached = stats.last_status != 0 || stats.last_error[0] == '\0';
	fprintf(out, "%s\n", reached ? "ok" : stats.last_error);
	return reached ? STATUS_OK : STATUS_UNAVAILABLE;
}

static const struct http_page pages[] = {
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics },
	{ "/health", "text/plain; charset=utf-8", write_health },
	{ "/ready", "text/plain; charset=utf-8", write_ready },
};

struct err *webhook_watch_start(const char *address, const char *name, struct webhook_watch **watch)
{
	*watch = NULL;
	if (*address == '\0')
		return NULL;
	struct http_listener *listener = NULL;
	struct err *err = http_listen("http.listen", address, &listener);
	if (err != NULL)
		return err;
	struct webhook_watch *made = check_calloc(1, sizeof *made);
	made->name = check_strdup(name);
	made->told_ms = time_monotonic_ms();
	pthread_mutex_init(&made->lock, NULL);
	log_emit(LOG_INFO, "webhook", "serving metrics over HTTP", "{s:s}", "address",
		 http_listener_address(listener));
	err = http_server_start(&listener, pages, sizeof pages / sizeof pages[0], made,
				&made->server);
	*watch = made;
	if (err != NULL) {
		http_listener_close(&listener);
		webhook_watch_stop(watch);
	}
	return err;
}

void webhook_watch_stop(struct webhook_watch **watch)
{
	if (*watch == NULL)
		return;
	if ((*watch)->server != NULL)
		http_server_stop(&(*watch)->server);
	pthread_mutex_destroy(&(*watch)->lock);
	free((*watch)->name);
	free(*watch);
	*watch = NULL;
}

void webhook_watch_tell(struct webhook_watch *watch, const struct webhook_stats *stats)
{
	if (watch == NULL)
		return;
	pthread_mutex_lock(&watch->lock);
	watch->stats = *stats;
	watch->told_ms = time_monotonic_ms();
	pthread_mutex_unlock(&watch->lock);
}
