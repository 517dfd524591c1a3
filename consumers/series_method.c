#include "consumers/series_method.h"

#include <float.h>
#include <math.h>

#include "base/dmath.h"

_Static_assert((int)SERIES_MEMBERS_MAX == (int)FORECASTER_MEMBER_COUNT, "each member");
_Static_assert((int)SERIES_CHANGES_MAX == (int)AUTOREGRESSION_LAGS_MAX, "each lag");
_Static_assert((int)HORIZON_MAX == (int)FORECASTER_HORIZON_MAX, "each horizon");
_Static_assert((int)SERIES_SHIFTS_MAX == (int)LEVEL_SHIFTS_MAX, "each shift");

size_t series_interval_to_steps(const struct interval *interval, struct series_interval *steps)
{
	size_t count = INTERVAL_HORIZON_MAX;
	while (count > 0 && interval->step[count - 1].count == 0)
		count--;
	for (size_t i = 0; i < count; i++) {
		const struct interval_step *step = &interval->step[i];
		steps[i] = (struct series_interval){ step->mean,
						     step->count,
						     step->shape[INTERVAL_Q025],
						     step->shape[INTERVAL_Q100],
						     step->shape[INTERVAL_Q900],
						     step->shape[INTERVAL_Q975] };
	}
	return count;
}

void series_interval_from_steps(const struct series_interval *steps, size_t count,
				struct interval *interval)
{
	*interval = (struct interval){ 0 };
	for (size_t i = 0; i < count; i++)
		interval->step[i] = (struct interval_step){
			.mean = steps[i].mean,
			.count = steps[i].count,
			.shape = { steps[i].lower_95, steps[i].lower_80, 0, steps[i].upper_80,
				   steps[i].upper_95 },
		};
}

void series_method_to_record(const struct forecaster *forecaster, struct series_method *record)
{
	const struct ets *ets = &forecaster->ets;
	const struct autoregression *changes = &forecaster->autoregression;
	*record = (struct series_method){
		.search_points = forecaster->search_points,
		.since_search = forecaster->since_search,
		.since_estimate = forecaster->since_estimate,
		.period = forecaster->period,
		.ses_alpha = forecaster->ses_alpha,
		.ets_known = ets->aicc < HUGE_VAL,
		.ets_relative = ets->relative_errors,
		.ets_trend = (int32_t)ets->trend,
		.ets_alpha = ets->alpha,
		.ets_beta = ets->beta,
		.ets_phi = ets->phi,
		.theta_alpha = forecaster->theta.alpha,
		.ces_real = forecaster->ces.real,
		.ces_imaginary = forecaster->ces.imaginary,
		.ar_constant = changes->constant,
		.ar_pull = changes->pull,
		.ar_change_count = (size_t)changes->lags,
		.demand_fades = forecaster->intermittent.fades,
		.demand_size_alpha = forecaster->intermittent.size_alpha,
		.demand_often_alpha = forecaster->intermittent.often_alpha,
		.error_count = forecaster->error_count,
		.has_next = forecaster->has_next,
		.member_count = FORECASTER_MEMBER_COUNT,
		.far_horizon = forecaster->far_horizon,
		.far_error_count = forecaster->far_error_count,
		.far_size = (size_t)forecaster->far_count * FORECASTER_MEMBER_COUNT,
	};
	for (size_t i = 0; i < record->ar_change_count; i++)
		record->ar_changes[i].value = changes->change[i];
	for (size_t i = 0; i < record->member_count; i++)
		record->members[i] =
			(struct series_member){ forecaster->next[i], forecaster->error[i],
						forecaster->far_error[i] };
	for (size_t i = 0; i < record->far_size; i++)
		record->far[i].value =
			forecaster->far[i / FORECASTER_MEMBER_COUNT][i % FORECASTER_MEMBER_COUNT];
	record->step_count = series_interval_to_steps(&forecaster->interval, record->steps);
	record->shift_count = (size_t)forecaster->shifts.count;
	for (size_t i = 0; i < record->shift_count; i++) {
		const struct level_shift *shift = &forecaster->shifts.shift[i];
		record->shifts[i] =
			(struct series_shift){ shift->age, shift->before, shift->after };
	}
}

static bool is_within(double value, double least, double most)
{
	return value >= least && value <= most;
}

static bool step_is_sound(const struct series_interval *step)
{
	return step->count >= 0 && step->mean >= 0 && dm_is_finite(step->mean) &&
	       step->lower_95 <= step->lower_80 && step->lower_80 <= 0 && step->upper_80 >= 0 &&
	       step->upper_95 >= step->upper_80 && dm_is_finite(step->lower_95) &&
	       dm_is_finite(step->upper_95);
}

static bool is_sound(const struct series_method *record)
{
	bool sound =
		record->search_points >= 0 && record->since_search >= 0 &&
		record->since_estimate >= 0 && record->error_count >= 0 && record->period >= 1 &&
		record->period <= FORECASTER_PERIOD_MAX && record->ets_trend >= ETS_FLAT &&
		record->ets_trend <= ETS_DAMPED && is_within(record->ses_alpha, 0, 1) &&
		is_within(record->ets_alpha, 1e-4, 0.9999) && is_within(record->ets_beta, 0, 1) &&
		is_within(record->ets_phi, 0, 1) && is_within(record->theta_alpha, 1e-3, 1) &&
		is_within(record->ces_real, 0, 2.5) && is_within(record->ces_imaginary, 0, 2.5) &&
		dm_is_finite(record->ar_constant) && dm_is_finite(record->ar_pull) &&
		is_within(record->demand_size_alpha, 0, 1) &&
		is_within(record->demand_often_alpha, 0, 1) &&
		record->member_count == FORECASTER_MEMBER_COUNT;
	for (size_t i = 0; sound && i < record->ar_change_count; i++)
		sound = dm_is_finite(record->ar_changes[i].value);
	for (size_t i = 0; sound && i < record->member_count; i++)
		sound = dm_is_finite(record->members[i].next) &&
			is_within(record->members[i].error, 0, DBL_MAX) &&
			is_within(record->members[i].far_error, 0, DBL_MAX);
	sound = sound && record->far_error_count >= 0 && record->far_horizon >= 0 &&
		record->far_size <= (size_t)record->far_horizon * FORECASTER_MEMBER_COUNT &&
		record->far_size % FORECASTER_MEMBER_COUNT == 0;
	for (size_t i = 0; sound && i < record->far_size; i++)
		sound = dm_is_finite(record->far[i].value);
	for (size_t i = 0; sound && i < record->step_count; i++)
		sound = step_is_sound(&record->steps[i]);
	for (size_t i = 0; sound && i < record->shift_count; i++)
		sound = record->shifts[i].age >= 0 && dm_is_finite(record->shifts[i].before) &&
			dm_is_finite(record->shifts[i].after);
	return sound;
}

static void parameters_from_record(const struct series_method *record,
				   struct forecaster *forecaster)
{
	forecaster->period = record->period;
	forecaster->ses_alpha = record->ses_alpha;
	forecaster->ets = (struct ets){ .relative_errors = record->ets_relative,
					.trend = (enum ets_trend)record->ets_trend,
					.period = 1,
					.alpha = record->ets_alpha,
					.beta = record->ets_beta,
					.phi = record->ets_phi,
					.aicc = record->ets_known ? 0 : HUGE_VAL };
	forecaster->theta.alpha = record->theta_alpha;
	forecaster->ces.real = record->ces_real;
	forecaster->ces.imaginary = record->ces_imaginary;
	forecaster->autoregression = (struct autoregression){
		.constant = record->ar_constant,
		.pull = record->ar_pull,
		.lags = (int)record->ar_change_count,
	};
	for (size_t i = 0; i < record->ar_change_count; i++)
		forecaster->autoregression.change[i] = record->ar_changes[i].value;
	forecaster->intermittent =
		(struct intermittent){ record->demand_fades, record->demand_size_alpha,
				       record->demand_often_alpha };
}

void series_method_from_record(const struct series_method *record, struct forecaster *forecaster)
{
	*forecaster = (struct forecaster){ .search_points = 0 };
	if (!is_sound(record))
		return;
	parameters_from_record(record, forecaster);
	forecaster->search_points = record->search_points;
	forecaster->since_search = record->since_search;
	forecaster->since_estimate = record->since_estimate;
	forecaster->error_count = record->error_count;
	forecaster->has_next = record->has_next;
	for (size_t i = 0; i < record->member_count; i++) {
		forecaster->next[i] = record->members[i].next;
		forecaster->error[i] = record->members[i].error;
		forecaster->far_error[i] = record->members[i].far_error;
	}
	forecaster->far_horizon = record->far_horizon;
	forecaster->far_error_count = record->far_error_count;
	forecaster->far_count = (int)(record->far_size / FORECASTER_MEMBER_COUNT);
	for (size_t i = 0; i < record->far_size; i++)
		forecaster->far[i / FORECASTER_MEMBER_COUNT][i % FORECASTER_MEMBER_COUNT] =
			record->far[i].value;
	series_interval_from_steps(record->steps, record->step_count, &forecaster->interval);
	forecaster->shifts.count = (int)record->shift_count;
	for (size_t i = 0; i < record->shift_count; i++)
		forecaster->shifts.shift[i] =
			(struct level_shift){ record->shifts[i].age, record->shifts[i].before,
					      record->shifts[i].after };
}
