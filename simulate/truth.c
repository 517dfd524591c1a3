#include "simulate/truth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/phrase.h"
#include "base/timestamp.h"

enum { PATH_LEN_MAX = 4096, ROW_LEN_MAX = 1024, DECIMAL_DIGITS = 9 };

static const struct {
	const char *name, *header;
} tables[TRUTH_TABLE_COUNT] = {
	[TRUTH_IDENTITIES] = { "identities", "account,scheme,value,link,linked_to,clock_skew_ms" },
	[TRUTH_HAZARDS] = { "hazards",
			    "account,at,hazard,outside,satisfaction_hazard,service,price,"
			    "competitor,usage_hazard,satisfaction,usage,load,price_gap" },
	[TRUTH_CHURN] = { "churn",
			  "account,at,cause,shown_21_days_before,region,segment,first_at" },
	[TRUTH_OPPORTUNITIES] = { "opportunities",
				  "account,opportunity_id,opened_at,probability_opened,closed_at,"
				  "probability_closed,won,sales_person,content_id" },
	[TRUTH_ANOMALIES] = { "anomalies", "account,kind,subject,from,until" },
	[TRUTH_SHIPMENTS] = { "shipments", "account,shipment_id,at,ship_to_region,account_region" },
	[TRUTH_REGIMES] = { "regimes", "from,level,promotions,service,price,experience" },
	[TRUTH_OUTAGES] = { "outages", "topic,from,until" },
};

struct truth {
	FILE *files[TRUTH_TABLE_COUNT];
	int64_t rows[TRUTH_TABLE_COUNT];
	enum truth_table table; /* of the row at hand */
	struct phrase row;
	char text[ROW_LEN_MAX];
	struct err *err; /* the first */
};

const char *truth_table_name(enum truth_table table)
{
	return tables[table].name;
}

static struct err *file_err(const char *name)
{
	return err_new(ERR_FATAL, "SIMULATION_FILE", "can't write %s.csv: %s", name,
		       strerror(errno));
}

struct err *truth_open(const char *folder, struct truth **out)
{
	struct truth *truth = check_calloc(1, sizeof *truth);
	struct err *err = NULL;
	for (int i = 0; i < TRUTH_TABLE_COUNT && err == NULL; i++) {
		char path[PATH_LEN_MAX];
		snprintf(path, sizeof path, "%s/%s.csv", folder, tables[i].name);
		truth->files[i] = fopen(path, "w");
		if (truth->files[i] == NULL || fputs(tables[i].header, truth->files[i]) < 0 ||
		    fputc('\n', truth->files[i]) == EOF)
			err = file_err(tables[i].name);
	}
	*out = truth;
	if (err != NULL) {
		truth->err = err;
		err = truth_close(out);
	}
	return err;
}

void truth_begin(struct truth *truth, enum truth_table table)
{
	if (truth == NULL)
		return;
	truth->table = table;
	truth->row = phrase_in(truth->text, sizeof truth->text);
}

static void separate(struct truth *truth)
{
	if (truth->row.at != truth->row.start)
		phrase_text(&truth->row, ",");
}

void truth_text(struct truth *truth, const char *text)
{
	if (truth == NULL)
		return;
	separate(truth);
	phrase_text(&truth->row, text);
}

void truth_int(struct truth *truth, int64_t value)
{
	if (truth == NULL)
		return;
	separate(truth);
	phrase_int(&truth->row, value, 1);
}

void truth_decimal(struct truth *truth, double value)
{
	if (truth == NULL)
		return;
	separate(truth);
	if (value < 0)
		phrase_text(&truth->row, "-");
	double size = value < 0 ? -value : value;
	int64_t whole = (int64_t)size;
	int64_t rest = (int64_t)((size - (double)whole) * 1e9 + 0.5);
	if (rest >= 1000000000) {
		rest -= 1000000000;
		whole++;
	}
	phrase_int(&truth->row, whole, 1);
	phrase_text(&truth->row, ".");
	phrase_int(&truth->row, rest, DECIMAL_DIGITS);
}

void truth_time(struct truth *truth, int64_t ms)
{
	char text[TIME_TEXT_LEN + 1];
	if (truth == NULL)
		return;
	time_format(ms, text);
	truth_text(truth, text);
}

void truth_end(struct truth *truth)
{
	if (truth == NULL)
		return;
	phrase_text(&truth->row, "\n");
	size_t len = phrase_end(&truth->row);
	truth->rows[truth->table]++;
	if (truth->err == NULL && fwrite(truth->text, 1, len, truth->files[truth->table]) != len)
		truth->err = file_err(tables[truth->table].name);
}

int64_t truth_rows(const struct truth *truth, enum truth_table table)
{
	return truth == NULL ? 0 : truth->rows[table];
}

struct err *truth_close(struct truth **out)
{
	struct truth *truth = *out;
	if (truth == NULL)
		return NULL;
	for (int i = 0; i < TRUTH_TABLE_COUNT; i++)
		if (truth->files[i] != NULL && fclose(truth->files[i]) != 0 && truth->err == NULL)
			truth->err = file_err(tables[i].name);
	struct err *err = truth->err;
	free(truth);
	*out = NULL;
	return err;
}
