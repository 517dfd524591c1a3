#include "cli/oracle_table.h"

#include <inttypes.h>

static const char *holds(bool does)
{
	return does ? "holds" : "DOES NOT HOLD";
}

static void print_difficulty(FILE *out, const struct oracle_report *report)
{
	fprintf(out, "Frozen difficulty\n");
	fprintf(out, "  churn a month             %5.2f %%   %.0f to %.0f %%: %s\n",
		100 * oracle_monthly(&report->all), 100 * ORACLE_CHURN_MIN, 100 * ORACLE_CHURN_MAX,
		holds(oracle_churn_holds(report)));
	fprintf(out, "  oracle's AUC, %d days     %5.3f     %.2f to %.2f: %s\n",
		ORACLE_HORIZON_DAYS, report->auc, ORACLE_AUC_MIN, ORACLE_AUC_MAX,
		holds(oracle_auc_holds(report)));
	fprintf(out, "  left without a sign       %5.1f %%   at least %.0f %%: %s\n",
		100 * oracle_unshown(report), 100 * ORACLE_UNSHOWN_MIN,
		holds(oracle_unshown_holds(report)));
	fprintf(out,
		"  (a sign: an event that told of the cause in the %d days that end %d days "
		"before)\n",
		SHOWN_WINDOW_DAYS - SHOWN_DAYS_BEFORE, SHOWN_DAYS_BEFORE);
	fprintf(out,
		"  %" PRId64 " left; AUC from %" PRId64 " looks at a customer, %" PRId64
		" of whom left within %d days\n"
		"  foretold %.2f %%, came %.2f %%; AUC of today's true hazard alone %.3f\n",
		report->all.left, report->looks, report->looks_left, ORACLE_HORIZON_DAYS,
		100 * report->probability_mean,
		report->looks == 0 ? 0 : 100 * (double)report->looks_left / (double)report->looks,
		report->auc_today);
}

static void print_causes(FILE *out, const struct oracle_report *report)
{
	fprintf(out, "\nCauses              left   without a sign\n");
	for (int i = 0; i < CAUSE_COUNT; i++) {
		int64_t left = report->left_of[i];
		fprintf(out, "  %-14s %7" PRId64 "   %5.1f %%\n", cause_name((enum cause)i), left,
			left == 0 ? 0 : 100 * (double)report->unshown_of[i] / (double)left);
	}
}

static void print_rates(FILE *out, const struct oracle_report *report)
{
	fprintf(out, "\nChurn a month by region, size, regime\n ");
	for (int i = 0; i < REGION_COUNT; i++)
		fprintf(out, " %s %.2f %%", region_facts[i].code,
			100 * oracle_monthly(&report->regions[i]));
	fprintf(out, "\n ");
	for (int i = 0; i < SEGMENT_COUNT; i++)
		fprintf(out, " %s %.2f %%", segment_name(i),
			100 * oracle_monthly(&report->segments[i]));
	fprintf(out, "\n ");
	for (int i = 0; i < report->regime_count; i++)
		fprintf(out, " regime %d %.2f %%", i + 1,
			100 * oracle_monthly(&report->regimes[i]));
	fprintf(out, "\n");
}

static void print_warnings(FILE *out, const struct oracle_report *report)
{
	fprintf(out, "\nThe oracle's own warning curve: share of those who left that it would have "
		     "warned of\n  warned of, at a time      ");
	for (int i = 0; i < ORACLE_LEAD_COUNT; i++)
		fprintf(out, " %4d d", oracle_leads[i]);
	fprintf(out, "   left in %d days\n", ORACLE_HORIZON_DAYS);
	for (int b = 0; b < ORACLE_BUDGET_COUNT; b++) {
		fprintf(out, "  %3.0f %% of all customers    ", 100 * oracle_budgets[b]);
		for (int i = 0; i < ORACLE_LEAD_COUNT; i++)
			fprintf(out, " %4.0f %%", 100 * report->warned[b][i]);
		fprintf(out, "   %.1f %% of them\n", 100 * report->precision[b]);
	}
}

void oracle_table_print(FILE *out, const struct oracle_options *options,
			const struct oracle_report *report)
{
	fprintf(out,
		"A simulation: seed %" PRIu64 ", %u customers, %d months; each lived %d futures "
		"every %d days\n\n",
		options->seed, (unsigned)options->account_count, options->month_count,
		options->future_count, ORACLE_DAYS_BETWEEN);
	print_difficulty(out, report);
	print_causes(out, report);
	print_rates(out, report);
	print_warnings(out, report);
}
