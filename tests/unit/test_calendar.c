/* Periods of time zones. The zones' changes and the beginnings of days, weeks and months are those
 * of Python's zoneinfo (tzdata 2024), pasted; tests/e2e/test_series.py compares many more with it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/timestamp.h"
#include "consumers/local_hours.h"

static const int64_t berlin[] = { 60, 29054940, 120, 29357340, 60, 29579100, 120, 29881500, 60 };
static const int64_t new_york[] = { -300,     29025060, -240,	  29367720, -300,
				    29549220, -240,	29891880, -300 };
static const int64_t havana[] = { -300,	    29024940, -240,	29367660, -300,
				  29549100, -240,     29891820, -300 };
static const int64_t lord_howe[] = {
	660, 29064420, 630, 29326530, 660, 29588580, 630, 29850690, 660
};
static const int64_t apia[] = { -600, 21695880, -660, 21947880, -600, 22087320,
				840,  22220040, 780,  22482120, 840 };
static const int64_t india[] = { 330 };

#define CALENDAR(iso, minutes) calendar_of(iso, minutes, sizeof minutes / sizeof minutes[0])

static const struct calendar *calendar_of(const char *iso, const int64_t *minutes, size_t count)
{
	static struct calendar calendar;
	memset(&calendar, 0, sizeof calendar);
	assert_true(calendar_set(&calendar, iso));
	calendar.zone.offset_ms = minutes[0] * MS_PER_MINUTE;
	for (size_t i = 1; i < count; i += 2)
		calendar.zone.changes[calendar.zone.change_count++] =
			(struct zone_change){ minutes[i] * MS_PER_MINUTE,
					      minutes[i + 1] * MS_PER_MINUTE };
	return &calendar;
}

/* Each period begins where the one before ends, and has the moments in between: all year. */
static void no_moment_is_in_none_or_in_two(void **state)
{
	(void)state;
	static const struct {
		const int64_t *minutes;
		size_t count;
		const char *from;
	} zones[] = { { berlin, 9, "2026-01-01" }, { new_york, 9, "2026-01-01" },
		      { havana, 9, "2026-01-01" }, { lord_howe, 9, "2026-01-01" },
		      { apia, 11, "2011-06-01" },  { india, 1, "2026-01-01" } };
	static const char *const isos[] = { "PT1H", "P1D", "P1W", "P1M" };
	for (size_t z = 0; z < sizeof zones / sizeof zones[0]; z++)
		for (size_t i = 0; i < 4; i++) {
			const struct calendar *calendar =
				calendar_of(isos[i], zones[z].minutes, zones[z].count);
			int64_t from_ms, before = INT64_MIN;
			assert_true(time_parse(zones[z].from, &from_ms));
			for (int64_t ms = from_ms; ms < from_ms + 400 * MS_PER_DAY;
			     ms += 10 * MS_PER_MINUTE) {
				int64_t number = calendar_number(calendar, ms);
				assert_true(calendar_start(calendar, number) <= ms);
				assert_true(calendar_start(calendar, number + 1) > ms);
				assert_int_equal(calendar_after(calendar, ms, 0),
						 calendar_start(calendar, number));
				assert_true(number >= before);
				before = number;
			}
		}
}

static void assert_starts(const struct calendar *calendar, const int64_t *starts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(calendar_after(calendar, starts[i], 0), starts[i]);
		assert_int_equal(calendar_after(calendar, starts[i] - 1, 1), starts[i]);
	}
}

static void days_weeks_and_months_begin_at_local_midnight(void **state)
{
	(void)state;
	static const int64_t days_b[] = { INT64_C(1774738800000), INT64_C(1774821600000),
					  INT64_C(1792879200000), INT64_C(1792969200000) };
	static const int64_t days_n[] = { INT64_C(1772946000000), INT64_C(1773028800000),
					  INT64_C(1793505600000), INT64_C(1793595600000) };
	static const int64_t weeks_b[] = { INT64_C(1774821600000), INT64_C(1792969200000) };
	static const int64_t weeks_n[] = { INT64_C(1773028800000), INT64_C(1793595600000) };
	static const int64_t months_b[] = { INT64_C(1774994400000), INT64_C(1777586400000),
					    INT64_C(1793487600000), INT64_C(1796079600000) };
	static const int64_t months_n[] = { INT64_C(1775016000000), INT64_C(1777608000000),
					    INT64_C(1793505600000), INT64_C(1796101200000) };
	assert_starts(CALENDAR("P1D", berlin), days_b, 4);
	assert_starts(CALENDAR("P1D", new_york), days_n, 4);
	assert_starts(CALENDAR("P1W", berlin), weeks_b, 2);
	assert_starts(CALENDAR("P1W", new_york), weeks_n, 2);
	assert_starts(CALENDAR("P1M", berlin), months_b, 4);
	assert_starts(CALENDAR("P1M", new_york), months_n, 4);
	/* 23 hours, 25 hours */
	assert_int_equal(days_b[1] - days_b[0], 23 * MS_PER_HOUR);
	assert_int_equal(days_n[3] - days_n[2], 25 * MS_PER_HOUR);
}

/* Clocks that go back over midnight don't begin the day twice; a day that was left out has no
 * moment. */
static void odd_changes_are_kept_in_order(void **state)
{
	(void)state;
	const struct calendar *day = CALENDAR("P1D", havana);
	int64_t back_ms = INT64_C(29891820) * MS_PER_MINUTE; /* 1:00 becomes 0:00, 1 November */
	int64_t begin_ms = calendar_after(day, back_ms, 0);
	assert_int_equal(begin_ms, back_ms - MS_PER_HOUR);
	assert_int_equal(calendar_after(day, back_ms - 1, 0), begin_ms);
	assert_int_equal(calendar_after(day, begin_ms, 1) - begin_ms, 25 * MS_PER_HOUR);
	day = CALENDAR("P1D", apia);
	int64_t over_ms = INT64_C(22087320) * MS_PER_MINUTE; /* 30 December 2011 was not */
	assert_int_equal(calendar_number(day, over_ms) - calendar_number(day, over_ms - 1), 2);
	assert_int_equal(calendar_after(day, over_ms - 1, 1), over_ms);
}

static void hours_have_sixty_minutes(void **state)
{
	(void)state;
	int64_t ms = INT64_C(29579100) * MS_PER_MINUTE - 3 * MS_PER_HOUR;
	const struct calendar *hour = CALENDAR("PT1H", berlin);
	for (int i = 0; i < 6; i++)
		assert_int_equal(calendar_after(hour, ms, i), ms + i * MS_PER_HOUR);
	hour = CALENDAR("PT1H", india); /* half an hour off UTC */
	assert_int_equal(calendar_after(hour, ms, 1), ms + MS_PER_HOUR / 2);
}

/* What has a place on the clock keeps it: by the clocks, a profile of the day repeats itself over a
 * change, and the hours ahead have their own values. */
static void a_profile_of_the_day_stays_on_the_clock(void **state)
{
	(void)state;
	enum { HOURS = 120, AHEAD = 14 };
	static const int64_t changes_h[] = { 29579100 / 60, 29881500 / 60 };
	const struct calendar *hour = CALENDAR("PT1H", berlin);
	for (int change = 0; change < 2; change++) {
		int64_t first_ms = (changes_h[change] - HOURS / 2) * MS_PER_HOUR;
		double history[HOURS], shown[HOURS + 1];
		assert_true(local_hours_needed(hour, first_ms, first_ms + HOURS * MS_PER_HOUR));
		assert_false(local_hours_needed(hour, first_ms, first_ms + MS_PER_HOUR));
		for (int i = 0; i < HOURS; i++) {
			int64_t local = zone_local(&hour->zone, first_ms + i * MS_PER_HOUR);
			history[i] = (double)(local / MS_PER_HOUR % 24);
		}
		size_t count =
			local_hours_history(hour, first_ms, history, HOURS, shown, HOURS + 1);
		assert_int_equal(count, HOURS + (change == 0 ? 1 : -1));
		for (size_t i = 24; i < count; i++)
			assert_true(shown[i] == shown[i - 24]);
		/* less room: the last ones */
		double last[50];
		assert_int_equal(local_hours_history(hour, first_ms, history, HOURS, last, 50), 50);
		assert_memory_equal(last, shown + count - 50, sizeof last);
		for (int before = 1; before < AHEAD; before++) {
			int64_t open_ms = (changes_h[change] - before) * MS_PER_HOUR;
			for (int h = 1; h < AHEAD; h++) {
				int step = local_hours_step(hour, open_ms, h, AHEAD);
				int64_t at =
					zone_local(&hour->zone, open_ms + (h - 1) * MS_PER_HOUR);
				int64_t from = zone_local(&hour->zone, open_ms - MS_PER_HOUR);
				if (step < AHEAD)
					assert_int_equal(at - from, step * MS_PER_HOUR);
			}
		}
	}
}

/* As they were before there were zones: periods of a fixed offset. */
static void fixed_offsets_are_plain(void **state)
{
	(void)state;
	static const int64_t offset[] = { 60 }, utc[] = { 0 };
	const struct calendar *calendar = CALENDAR("P1W", offset);
	for (int64_t ms = -20 * MS_PER_DAY; ms < 20 * MS_PER_DAY; ms += 7 * MS_PER_HOUR)
		assert_int_equal(calendar_after(calendar, ms, 0),
				 time_floor(ms, MS_PER_WEEK, WEEK_ORIGIN_MS - MS_PER_HOUR));
	calendar = CALENDAR("P1M", utc);
	int64_t may_ms = 0, june_ms = 0;
	assert_true(time_parse("1969-05-01", &may_ms) && time_parse("1969-06-01", &june_ms));
	assert_int_equal(calendar_after(calendar, june_ms - 1, 0), may_ms);
	assert_int_equal(calendar_after(calendar, may_ms, 1), june_ms);
	assert_int_equal(calendar_after(calendar, may_ms, 13) - june_ms, 365 * MS_PER_DAY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_moment_is_in_none_or_in_two),
		cmocka_unit_test(days_weeks_and_months_begin_at_local_midnight),
		cmocka_unit_test(odd_changes_are_kept_in_order),
		cmocka_unit_test(hours_have_sixty_minutes),
		cmocka_unit_test(a_profile_of_the_day_stays_on_the_clock),
		cmocka_unit_test(fixed_offsets_are_plain),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
