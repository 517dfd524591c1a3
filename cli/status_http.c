#include "cli/status_http.h"

#include "cli/status_json.h"
#include "cli/status_metrics.h"

enum { STATUS_OK = 200, STATUS_UNAVAILABLE = 503 };

static unsigned write_metrics(void *context, FILE *out)
{
	struct status_report report;
	status_report_take(context, &report);
	status_metrics_write(&report, out);
	status_report_fini(&report);
	return STATUS_OK;
}

static unsigned write_judgement(void *context, FILE *out,
				bool (*judge)(const struct status_report *, FILE *))
{
	struct status_report report;
	status_report_take(context, &report);
	bool good = judge(&report, out);
	status_report_fini(&report);
	if (good)
		fputs("ok\n", out);
	return good ? STATUS_OK : STATUS_UNAVAILABLE;
}

static unsigned write_health(void *context, FILE *out)
{
	return write_judgement(context, out, status_report_healthy);
}

static unsigned write_ready(void *context, FILE *out)
{
	return write_judgement(context, out, status_report_ready);
}

static unsigned write_status(void *context, FILE *out)
{
	struct status_report report;
	status_report_take(context, &report);
	json_t *json = status_json(&report);
	json_dumpf(json, out, JSON_COMPACT);
	fputc('\n', out);
	json_decref(json);
	status_report_fini(&report);
	return STATUS_OK;
}

static const struct http_page pages[] = {
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", write_metrics },
	{ "/health", "text/plain; charset=utf-8", write_health },
	{ "/ready", "text/plain; charset=utf-8", write_ready },
	{ "/status", "application/json", write_status },
};

struct err *status_http_start(struct http_listener **listener, struct status_source *source,
			      struct http_server **server)
{
	return http_server_start(listener, pages, sizeof pages / sizeof pages[0], source, server);
}
