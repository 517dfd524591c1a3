#include "base/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/check.h"

void metrics_init(struct metrics *metrics, FILE *out)
{
	*metrics = (struct metrics){ .out = out };
}

static bool name_is_good(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	static const char all[] = "abcdefghijklmnopqrstuvwxyz_0123456789";
	return *name != '\0' && strchr(letters, *name) != NULL && strspn(name, all) == strlen(name);
}

/* Text in which a backslash, a line's end and (in a label) a quotation mark are escaped. */
static void put_escaped(FILE *out, const char *text, bool quoted)
{
	for (; *text != '\0'; text++) {
		if (*text == '\\')
			fputs("\\\\", out);
		else if (*text == '\n')
			fputs("\\n", out);
		else if (*text == '"' && quoted)
			fputs("\\\"", out);
		else
			fputc(*text, out);
	}
}

void metrics_family(struct metrics *metrics, const char *name, enum metrics_type type,
		    const char *help)
{
	static const char *const types[] = { "counter", "gauge", "histogram" };
	CHECK(name_is_good(name));
	metrics->name = name;
	metrics->label_count = 0;
	fprintf(metrics->out, "# HELP %s ", name);
	put_escaped(metrics->out, help, false);
	fprintf(metrics->out, "\n# TYPE %s %s\n", name, types[type]);
}

void metrics_labels_clear(struct metrics *metrics)
{
	metrics->label_count = 0;
}

void metrics_label(struct metrics *metrics, const char *name, const char *value)
{
	CHECK(metrics->label_count < METRICS_LABELS_MAX && name_is_good(name));
	metrics->labels[metrics->label_count++] = (struct metrics_label){ name, value };
}

/* name_suffix{labels,le="bound"} and a blank; bound may be NULL. */
static void put_name(const struct metrics *metrics, const char *suffix, const char *bound)
{
	FILE *out = metrics->out;
	const char *before = "{";
	fprintf(out, "%s%s", metrics->name, suffix);
	for (size_t i = 0; i < metrics->label_count; i++) {
		fprintf(out, "%s%s=\"", before, metrics->labels[i].name);
		put_escaped(out, metrics->labels[i].value, true);
		fputc('"', out);
		before = ",";
	}
	if (bound != NULL) {
		fprintf(out, "%sle=\"%s\"", before, bound);
		before = ",";
	}
	fputs(*before == ',' ? "} " : " ", out);
}

static void put_fraction(FILE *out, int64_t value, int64_t unit, int digits)
{
	const char *sign = value < 0 ? "-" : "";
	uint64_t size = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	uint64_t whole = size / (uint64_t)unit, rest = size % (uint64_t)unit;
	if (rest == 0)
		fprintf(out, "%s%" PRIu64 "\n", sign, whole);
	else
		fprintf(out, "%s%" PRIu64 ".%0*" PRIu64 "\n", sign, whole, digits, rest);
}

void metrics_count(const struct metrics *metrics, int64_t value)
{
	put_name(metrics, "", NULL);
	fprintf(metrics->out, "%" PRId64 "\n", value);
}

void metrics_seconds_ms(const struct metrics *metrics, int64_t value_ms)
{
	put_name(metrics, "", NULL);
	put_fraction(metrics->out, value_ms, 1000, 3);
}

void metrics_seconds_us(const struct metrics *metrics, int64_t value_us)
{
	put_name(metrics, "", NULL);
	put_fraction(metrics->out, value_us, 1000000, 6);
}

void metrics_histogram_us(const struct metrics *metrics, const int64_t *bounds_us,
			  size_t bound_count, const int64_t *counts, int64_t sum_us)
{
	int64_t below = 0;
	for (size_t i = 0; i < bound_count; i++) {
		char bound[32];
		below += counts[i];
		snprintf(bound, sizeof bound, "%g", (double)bounds_us[i] / 1e6);
		put_name(metrics, "_bucket", bound);
		fprintf(metrics->out, "%" PRId64 "\n", below);
	}
	below += counts[bound_count];
	put_name(metrics, "_bucket", "+Inf");
	fprintf(metrics->out, "%" PRId64 "\n", below);
	put_name(metrics, "_sum", NULL);
	put_fraction(metrics->out, sum_us, 1000000, 6);
	put_name(metrics, "_count", NULL);
	fprintf(metrics->out, "%" PRId64 "\n", below);
}
