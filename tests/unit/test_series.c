/* Series: definitions from a file, and what of an event goes where. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timestamp.h"
#include "cli/series_signals.h"
#include "consumers/series_file.h"

static struct series_table table;

static void parse(const char *text)
{
	struct err *err = series_file_parse(text, strlen(text), "series.json", &table);
	if (err != NULL)
		fail_msg("%s", err_text(err));
}

static void refuse(const char *text, const char *told)
{
	struct err *err = series_file_parse(text, strlen(text), "series.json", &table);
	assert_non_null(err);
	assert_string_equal(err_code(err), "SERIES_INVALID");
	if (strstr(err_text(err), told) == NULL)
		fail_msg("\"%s\" is not told: %s", told, err_text(err));
	err_free(&err);
}

static struct account_event charging(void)
{
	struct account_event event = { .account = bytes_str("A"), .effective_ms = 20 * MS_PER_DAY };
	event.event.type = bytes_str("iot.charging");
	event.event.event_ms = 20 * MS_PER_DAY;
	event.event.has_iot = true;
	event.event.iot.has_charging = true;
	event.event.iot.charging.region = bytes_str("EU|N");
	event.event.iot.charging.station_id = bytes_str("S1");
	event.event.iot.charging.has_energy_kwh = true;
	event.event.iot.charging.energy_kwh = 12.3456;
	return event;
}

/* The key that the event's amount goes to under a definition; "" where it doesn't belong. */
static const char *take(const char *name, const struct account_event *event, int64_t *amount)
{
	static char text[KEY_LEN_MAX + 1];
	uint8_t key[KEY_LEN_MAX];
	size_t len = 0;
	const struct series_definition *definition = series_find(&table, bytes_str(name));
	assert_non_null(definition);
	if (!series_take(definition, event, amount, key, &len))
		return "";
	memcpy(text, key, len);
	text[len] = '\0';
	return text;
}

static const char energy[] =
	"{\"series\": [{\"name\": \"energy.day\", \"types\": [\"iot.charging\"],"
	"\"measure\": \"iot.charging.energy_kwh\", \"unit\": \"KWH\", \"decimals\": 3,"
	"\"dimensions\": [\"iot.charging.region\", \"iot.charging.station_id\"],"
	"\"period\": \"P1D\", \"horizon\": 14, \"season\": 7, \"utc_offset_minutes\": 60}]}";

static void every_level_of_the_dimensions_is_a_series(void **state)
{
	(void)state;
	parse(energy);
	assert_int_equal(table.count, 4);
	assert_string_equal(table.definitions[0].name, "energy.day");
	assert_string_equal(table.definitions[1].name, "energy.day.region");
	assert_string_equal(table.definitions[2].name, "energy.day.station_id");
	assert_string_equal(table.definitions[3].name, "energy.day.region.station_id");
	assert_int_equal(table.definitions[3].horizon, 14);
	assert_int_equal(table.definitions[3].season, 7);
	/* A day of UTC+1 begins an hour before that of UTC. */
	const struct series_definition *day = &table.definitions[0];
	assert_int_equal(calendar_after(&day->calendar, MS_PER_DAY, 0), MS_PER_DAY - MS_PER_HOUR);
}

static void an_event_goes_to_each_level(void **state)
{
	(void)state;
	parse(energy);
	struct account_event event = charging();
	int64_t amount = 0;
	assert_string_equal(take("energy.day", &event, &amount), "energy.day/KWH/");
	assert_int_equal(amount, 12346);
	assert_string_equal(take("energy.day.region", &event, &amount),
			    "energy.day.region/KWH/EU/N");
	assert_string_equal(take("energy.day.region.station_id", &event, &amount),
			    "energy.day.region.station_id/KWH/EU/N|S1");
	event.event.iot.charging.energy_kwh = -12.3456;
	assert_string_not_equal(take("energy.day", &event, &amount), "");
	assert_int_equal(amount, -12346);
}

static void what_does_not_fit_is_left_out(void **state)
{
	(void)state;
	parse(energy);
	int64_t amount = 0;
	struct account_event event = charging();
	event.event.type = bytes_str("iot.chargin");
	assert_string_equal(take("energy.day", &event, &amount), "");
	event = charging();
	event.event.iot.charging.region = bytes_of(NULL, 0);
	assert_string_not_equal(take("energy.day", &event, &amount), "");
	assert_string_equal(take("energy.day.region", &event, &amount), "energy.day.region/KWH/-");
	assert_string_equal(take("energy.day.region.station_id", &event, &amount),
			    "energy.day.region.station_id/KWH/-|S1");
	event = charging();
	event.event.iot.charging.has_energy_kwh = false;
	assert_string_equal(take("energy.day", &event, &amount), "");
	event = charging();
	event.event.iot.has_charging = false; /* what lies behind is not initialised then */
	assert_string_equal(take("energy.day", &event, &amount), "");
	static const double absurd[] = { 1e300, -1e300, 0.0 / 1.0 * (1.0 / 0.0) };
	for (size_t i = 0; i < sizeof absurd / sizeof absurd[0]; i++) {
		event = charging();
		event.event.iot.charging.energy_kwh = absurd[i];
		assert_string_equal(take("energy.day", &event, &amount), "");
	}
}

static void filters_leave_others_out(void **state)
{
	(void)state;
	int64_t amount = 0;
	parse("{\"series\": [{\"name\": \"a\", \"types\": [\"iot.charging\"], \"period\": \"P1D\","
	      "\"where\": {\"iot.charging.region\": \"EU|N\", \"iot.charging.station_id\": \"S1\"},"
	      "\"dimensions\": [\"iot.charging.region\"]}]}");
	struct account_event event = charging();
	assert_string_equal(take("a", &event, &amount), "a/C62/");
	assert_string_not_equal(take("a.region", &event, &amount), "");
	event.event.iot.charging.station_id = bytes_str("S10");
	assert_string_equal(take("a", &event, &amount), "");
	event = charging();
	event.event.iot.charging.region = bytes_of(NULL, 0);
	assert_string_equal(take("a", &event, &amount), "");
	assert_string_equal(take("a.region", &event, &amount), "");
}

static void long_values_are_cut_at_a_character(void **state)
{
	(void)state;
	parse(energy);
	char region[200], station[200];
	memset(region, 'r', sizeof region);
	for (size_t i = 0; i < sizeof station; i += 2)
		memcpy(station + i, "\xc3\xa9", 2);
	struct account_event event = charging();
	event.event.iot.charging.region = bytes_of(region, sizeof region);
	event.event.iot.charging.station_id = bytes_of(station, sizeof station);
	int64_t amount;
	const char *key = take("energy.day.region.station_id", &event, &amount);
	const char *values = strrchr(key, '/') + 1;
	assert_true(strlen(values) <= SERIES_DIMENSION_LEN_MAX);
	assert_int_equal(strchr(values, '|') - values, 31);
	assert_int_equal(strlen(strchr(values, '|') + 1), 30);
}

static void assert_parents(const struct account_event *event)
{
	static const char *const totals[] = { "energy.day", "energy.day.region",
					      "energy.day.station_id" };
	struct series_parent parents[SERIES_PARENTS_MAX];
	int64_t amount;
	const char *finest = take("energy.day.region.station_id", event, &amount);
	char key[KEY_LEN_MAX + 1];
	snprintf(key, sizeof key, "%s", finest);
	assert_int_equal(series_parents(&table, bytes_str(key), parents), 3);
	for (size_t i = 0; i < 3; i++) {
		assert_string_equal(parents[i].definition->name, totals[i]);
		assert_true(bytes_equal(bytes_of(parents[i].key, parents[i].key_len),
					bytes_str(take(totals[i], event, &amount))));
	}
}

/* What a series of the finest level counts in are the very series that its events go to. */
static void parts_and_events_have_the_same_totals(void **state)
{
	(void)state;
	parse(energy);
	struct account_event event = charging();
	struct series_parent parents[SERIES_PARENTS_MAX];
	char region[200];
	memset(region, 'r', sizeof region);
	assert_parents(&event);
	event.event.iot.charging.region = bytes_of(region, sizeof region);
	assert_parents(&event);
	event.event.iot.charging.region = bytes_of(NULL, 0);
	assert_parents(&event);
	assert_true(series_is_finest(&table.definitions[3]));
	assert_true(series_is_total(&table.definitions[0]));
	assert_int_equal(series_parents(&table, bytes_str("energy.day.region/KWH/EU"), parents), 0);
	assert_int_equal(series_parents(&table, bytes_str("nothing"), parents), 0);
	/* the default's second dimension parts the total for itself */
	static const char *const dimensions[] = { "country", "channel" };
	series_table_init(&table, dimensions, 2);
	assert_int_equal(series_parents(&table, bytes_str("revenue.week.country/EUR/DE"), parents),
			 1);
	assert_string_equal(parents[0].definition->name, "revenue.week");
	assert_int_equal(series_parents(&table, bytes_str("revenue.week.channel/EUR/X"), parents),
			 0);
	series_table_init(&table, NULL, 0);
	assert_false(series_is_total(&table.definitions[0]));
}

static void counts_and_money(void **state)
{
	(void)state;
	parse("{\"series\": [{\"name\": \"tickets.week\", \"types\": [\"support.ticket.opened\"],"
	      "\"period\": \"P1W\"},"
	      "{\"name\": \"sales.hour\", \"types\": [\"erp.order\"], \"measure\": "
	      "\"amount_minor\", \"unit\": \"currency\", \"dimensions\": [\"attrs.country\"],"
	      "\"period\": \"PT1H\"}]}");
	struct account_event event = { .event.type = bytes_str("support.ticket.opened") };
	int64_t amount = 0;
	assert_string_equal(take("tickets.week", &event, &amount), "tickets.week/C62/");
	assert_int_equal(amount, 1);
	event.event.type = bytes_str("erp.order");
	event.event.has_amount = true;
	event.event.amount_minor = INT64_C(9007199254740993);	      /* no double */
	assert_string_equal(take("sales.hour", &event, &amount), ""); /* no currency */
	event.event.currency = bytes_str("EUR");
	event.event.attr_count = 2;
	event.event.attrs[1] = (struct attr){ bytes_str("country"), bytes_str("DE") };
	assert_string_equal(take("sales.hour.country", &event, &amount),
			    "sales.hour.country/EUR/DE");
	assert_int_equal(amount, INT64_C(9007199254740993));
}

/* Two regions, a week from Monday 2026-03-02 on; UTC+1. */
static void signals_are_those_of_their_series(void **state)
{
	(void)state;
	parse("{\"series\": [{\"name\": \"sales.week\", \"types\": [\"erp.order\"], "
	      "\"period\": \"P1W\", \"utc_offset_minutes\": 60,"
	      "\"dimensions\": [\"attrs.region\", \"attrs.sku\"], \"signals\": ["
	      "{\"name\": \"holidays\", \"dates\": [\"2026-03-15\", \"2026-03-02\", "
	      "\"2026-03-03\", \"2026-03-16\"]},"
	      "{\"name\": \"promotion\", \"where\": {\"attrs.region\": \"N\"}, "
	      "\"dates\": [\"2026-03-09\"]},"
	      "{\"name\": \"price\", \"where\": {\"attrs.sku\": \"B\", \"attrs.region\": "
	      "\"N\"}, \"from\": \"2026-03-09\", \"values\": [2, 3.5]},"
	      "{\"name\": \"price\", \"from\": \"2026-03-04\", \"values\": [7, 8, 9]}]}]}");
	const struct series_definition *finest =
		series_find(&table, bytes_str("sales.week.region.sku"));
	const int64_t monday_ms = time_days_from_civil(2026, 3, 2) * MS_PER_DAY - MS_PER_HOUR;
	static const double north[] = { 2, 0, 2, 1, 1, 2, 1, 0, 3.5, 0, 0, 3.5 };
	static const double south[] = { 2, 7, 1, 8, 1, 9, 0, 9 };
	double rows[4 * SIGNALS_OF_SERIES_MAX];
	size_t count = 0;
	series_signals(&table, finest, bytes_str("N|B"), monday_ms, 4, rows, &count);
	assert_int_equal(count, 3);
	assert_memory_equal(rows, north, sizeof north);
	series_signals(&table, finest, bytes_str("S|B"), monday_ms, 4, rows, &count);
	assert_int_equal(count, 2);
	assert_memory_equal(rows, south, sizeof south);
	/* what is before the first value is like it */
	series_signals(&table, finest, bytes_str("S|B"), monday_ms - 5 * MS_PER_WEEK, 1, rows,
		       &count);
	assert_true(rows[0] == 0 && rows[1] == 7);
	series_signals(&table, &table.definitions[0], bytes_str(""), monday_ms, 4, rows, &count);
	assert_int_equal(count, 0);
}

#define DRIVEN(more)                                                                               \
	"{\"series\": [{\"name\": \"sold.week\", \"types\": [\"erp.order.line\"], \"period\": "    \
	"\"P1W\", \"dimensions\": [\"attrs.region\", \"erp.line.sku\"], \"signals\": [{\"name\": " \
	"\"charging\", " more "}]}, {\"name\": \"charging.week\", \"types\": "                     \
	"[\"iot.charging\"], \"period\": \"P1W\", \"dimensions\": [\"iot.charging.region\"]}]}"

static const int64_t monday_ms = INT64_C(2000) * MS_PER_WEEK + WEEK_ORIGIN_MS;

/* Thirty closed weeks of a region; the last one ends on that Monday. */
static void add_charging(struct signal_states *states, const char *key, int64_t base)
{
	static struct series_state_record record;
	record.period_ms = MS_PER_WEEK;
	record.open_ms = monday_ms;
	record.history_count = 30;
	for (int i = 0; i < 30; i++)
		record.history[i].amount = base + i;
	series_signals_add(states, bytes_str(key), &record);
}

static struct err *fill(const char *text, const struct signal_states *states, size_t most)
{
	json_t *file = json_loads(text, 0, NULL);
	assert_non_null(file);
	struct err *err = series_signals_fill(file, states, most);
	char *filled = json_dumps(file, JSON_COMPACT);
	if (err == NULL)
		err = series_file_parse(filled, strlen(filled), "filled", &table);
	free(filled);
	json_decref(file);
	return err;
}

static void series_become_signals_of_others(void **state)
{
	(void)state;
	static struct signal_states states;
	static const char text[] = DRIVEN("\"series\": \"charging.week.region\", \"lag\": 3");
	add_charging(&states, "charging.week.region/C62/N", 1);
	add_charging(&states, "charging.week.region/C62/S", 123456);
	add_charging(&states, "charging.week.region/C62/N", 100); /* a later state of it */
	add_charging(&states, "charging.week/C62/", 7);
	assert_int_equal(states.count, 3);
	struct err *err = fill(text, &states, 20);
	if (err != NULL)
		fail_msg("%s", err_text(err));
	assert_int_equal(table.signal_count, 2);
	assert_int_equal(table.signals[0].value_count, 20);
	const struct series_definition *finest =
		series_find(&table, bytes_str("sold.week.region.sku"));
	double rows[5];
	size_t count = 0;
	/* what charged in the last closed week, the 30th, tells of the fourth from now */
	series_signals(&table, finest, bytes_str("N|EV"), monday_ms - MS_PER_WEEK, 5, rows, &count);
	assert_int_equal(count, 1);
	static const double known[] = { 126, 127, 128, 129, 129 };
	assert_memory_equal(rows, known, sizeof known);
	series_signals(&table, finest, bytes_str("S|EV"), monday_ms, 1, rows, &count);
	assert_true(count == 1 && rows[0] == 123500); /* four digits */
	series_signals(&table, finest, bytes_str("W|EV"), monday_ms, 1, rows, &count);
	assert_int_equal(count, 0);
	/* without the line: taken out, the rest stays */
	assert_null(fill(text, NULL, 0));
	assert_int_equal(table.signal_count, 0);
}

static void refuse_filled(const char *text, const struct signal_states *states, const char *code)
{
	struct err *err = fill(text, states, 20);
	assert_non_null(err);
	assert_string_equal(err_code(err), code);
	err_free(&err);
}

static void signals_that_can_be_none_are_refused(void **state)
{
	(void)state;
	static struct signal_states states, days;
	refuse_filled(DRIVEN("\"series\": \"charging.week.region\", \"lag\": 3"), &states,
		      "SERIES_SIGNAL_NONE");
	add_charging(&states, "charging.week.region/C62/N", 1);
	refuse_filled(DRIVEN("\"series\": \"charging.week.region\""), &states, "SERIES_INVALID");
	refuse_filled(DRIVEN("\"series\": \"charging.week.region\", \"lag\": 0"), &states,
		      "SERIES_INVALID");
	refuse_filled(DRIVEN("\"series\": \"charging.week.sku\", \"lag\": 3"), &states,
		      "SERIES_INVALID");
	refuse_filled(DRIVEN("\"series\": \"charging.day\", \"lag\": 3"), &states,
		      "SERIES_INVALID");
	days = states;
	days.states[0].period_ms = MS_PER_DAY;
	refuse_filled(DRIVEN("\"series\": \"charging.week.region\", \"lag\": 3"), &days,
		      "SERIES_INVALID");
	/* a file that a process reads by itself can't have them */
	refuse(DRIVEN("\"series\": \"charging.week.region\", \"lag\": 3"), "series deploy");
}

/* A day that is a holiday, by the hour. */
static void a_date_is_its_whole_day(void **state)
{
	(void)state;
	parse("{\"series\": [{\"name\": \"a\", \"types\": [\"t\"], \"period\": \"PT1H\", "
	      "\"signals\": [{\"name\": \"h\", \"dates\": [\"1970-01-03\"]}]}]}");
	double rows[72], sum = 0;
	size_t count = 0;
	series_signals(&table, &table.definitions[0], bytes_str(""), 0, 72, rows, &count);
	for (int hour = 0; hour < 72; hour++)
		sum += rows[hour];
	assert_true(sum == 24 && rows[47] == 0 && rows[48] == 1 && rows[71] == 1);
}

#define WITH(more) \
	"{\"series\": [{\"name\": \"a\", \"types\": [\"t\"], \"period\": \"P1D\"" more "}]}"

#define SIGNAL(more) ", \"signals\": [{\"name\": \"s\"" more "}]"
#define DATED(name)  "{\"name\": \"" name "\", \"dates\": [\"2026-01-01\"]}"

static void what_is_wrong_is_told(void **state)
{
	(void)state;
	refuse("{", "series.json:1:1");
	refuse("{}", "at least one series");
	refuse("{\"series\": []}", "at least one series");
	refuse("{\"series\": [{\"types\": [\"t\"], \"period\": \"P1D\"}]}", "name");
	refuse("{\"series\": [{\"name\": \"A b\", \"types\": [\"t\"], \"period\": \"P1D\"}]}",
	       "lower-case");
	refuse("{\"series\": [{\"name\": \"a\", \"types\": [], \"period\": \"P1D\"}]}",
	       "1 to 8 event types");
	refuse("{\"series\": [{\"name\": \"a\", \"types\": [\"t\"], \"period\": \"P1Y\"}]}",
	       "PT1H, P1D, P1W or P1M, not \"P1Y\"");
	refuse("{\"series\": [{\"name\": \"a\", \"types\": [\"t\"], \"period\": 7}]}",
	       "PT1H, P1D, P1W or P1M, not 7");
	refuse("{\"series\": [{\"name\": \"a\", \"types\": [\"t\"]}]}", "period is missing");
	refuse("{\"series\": [{\"name\": \"a\", \"types\": [\"t\", 5], \"period\": \"P1D\"}]}",
	       "not 5");
	refuse(WITH(", \"where\": {\"attrs.a\": 1}"), "1 to 64 bytes, not 1");
	refuse(WITH(", \"where\": {\"quantity\": \"1\"}"), "fields of texts");
	refuse(WITH(", \"where\": {\"colour\": \"red\"}"), "colour");
	refuse(WITH(", \"time_zone\": \"Europe/Berlin\""), "series resolve");
	refuse(WITH(", \"colour\": 1"), "colour");
	refuse(WITH(", \"measure\": \"amount\""), "amount_minor");
	refuse(WITH(", \"measure\": \"name\""), "a number's field");
	refuse(WITH(", \"unit\": \"kilowatt\""), "UN/CEFACT");
	refuse(WITH(", \"dimensions\": [\"erp.order\"]"), "neither a text nor a number");
	refuse(WITH(", \"dimensions\": [\"quantity\"]"), "text's field");
	refuse(WITH(", \"dimensions\": [\"attrs.a\", \"attrs.a\"]"), "a name of its own");
	refuse(WITH(", \"horizon\": 15"), "1 to 14 periods, not 15");
	refuse(WITH(", \"season\": 0"), "1 (none) to 60 periods, not 0");
	refuse(WITH(", \"decimals\": 7"), "0 to 6, not 7");
	refuse(WITH(", \"utc_offset_minutes\": 900"), "-840 to 840, not 900");
	refuse(WITH(", \"signals\": 1"), "a list, not 1");
	refuse(WITH(", \"horizon\": \"seven\""), "1 to 14 periods, not \"seven\"");
	refuse(WITH(SIGNAL("")), "dates, or from and values");
	refuse(WITH(SIGNAL(", \"dates\": [\"2026-01-01\"], \"values\": [1]")), "dates, or from");
	refuse(WITH(SIGNAL(", \"values\": [1]")), "from and values");
	refuse(WITH(SIGNAL(", \"dates\": []")), "1 to 128 days");
	refuse(WITH(SIGNAL(", \"dates\": [\"1.1.2026\"]")), "such as 2026-12-25, not \"1.1.2026\"");
	refuse(WITH(SIGNAL(", \"from\": \"2026-01-01\", \"values\": [\"1\"]")),
	       "a number of at most 1e15, not \"1\"");
	refuse(WITH(SIGNAL(", \"from\": \"2026-01-01\", \"values\": [1e300]")), "1e15");
	refuse(WITH(SIGNAL(", \"from\": \"soon\", \"values\": [1]")),
	       "such as 2026-01-05, not \"soon\"");
	refuse(WITH(SIGNAL(", \"where\": {\"attrs.a\": \"N\"}, \"dates\": [\"2026-01-01\"]")),
	       "dimensions of the series");
	refuse(WITH(", \"signals\": [" DATED("a") "," DATED("b") "," DATED("c") "," DATED(
		       "d") "," DATED("e") "]"),
	       "at most 4");
	refuse("{\"series\": [{\"name\": \"a\", \"types\": [\"t\"], \"period\": \"P1D\","
	       "\"dimensions\": [\"attrs.a\", \"attrs.b\", \"attrs.c\"]},"
	       "{\"name\": \"b\", \"types\": [\"t\"], \"period\": \"P1D\","
	       "\"dimensions\": [\"attrs.a\", \"attrs.b\", \"attrs.c\"]}]}",
	       "at most 15");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_level_of_the_dimensions_is_a_series),
		cmocka_unit_test(an_event_goes_to_each_level),
		cmocka_unit_test(what_does_not_fit_is_left_out),
		cmocka_unit_test(filters_leave_others_out),
		cmocka_unit_test(long_values_are_cut_at_a_character),
		cmocka_unit_test(parts_and_events_have_the_same_totals),
		cmocka_unit_test(counts_and_money),
		cmocka_unit_test(signals_are_those_of_their_series),
		cmocka_unit_test(series_become_signals_of_others),
		cmocka_unit_test(signals_that_can_be_none_are_refused),
		cmocka_unit_test(a_date_is_its_whole_day),
		cmocka_unit_test(what_is_wrong_is_told),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
