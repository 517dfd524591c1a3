#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "cli/account_rules.h"
#include "cli/account_table.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/judged_with.h"
#include "cli/options.h"
#include "consumers/churn.h"
#include "consumers/risk_words.h"
#include "models/ranking.h"

static const struct args_flag flags[] = {
	{ "at", "TIME", NULL,
	  "score every account as of this moment, with what is known now (required without "
	  "--judge)" },
	{ "top", "N", NULL, "how many to show (default 10)" },
	{ "out", "FILE", NULL, "write all scores to FILE, a JSON line each, to be judged later" },
	{ "judge", "FILE", NULL, "hold the scores in FILE against what the accounts did since" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const examples[] = {
	"foretell risk --at 1997-10-01 --out scores.jsonl",
	"foretell risk --judge scores.jsonl",
	NULL,
};

static const struct args_spec spec = {
	.command = "risk",
	.operands = "",
	.about = "Ranks the accounts by the probability that they leave within 90 days, and where\n"
		 "orders alone are known that no order comes: those that may be alerted on come\n"
		 "first, by what is at stake. --judge says later what they really did, and how "
		 "well\n"
		 "the ranking was (AUC).",
	.flags = flags,
	.options = account_rules_options,
	.examples = examples,
};

enum { TOP_DEFAULT = 10, TOP_MAX = 1000, LINE_LEN_MAX = 4096 };

struct scored {
	const struct account_row *row;
	double probability;
	bool is_known; /* more than its orders: the probability is that of leaving */
	bool abstains, is_at_risk;
};

/* What scores are made with. */
struct scoring {
	int64_t at_ms;
	struct churn_options churn;
	struct risk_options risk;
	struct judged_with with;
};

/* Who is shown first: those who may be alerted on and are at risk, then by what is at stake:
 * probability x worth. */
static double stake(const struct scored *scored)
{
	return scored->probability * (double)scored->row->state.buyer.sum_minor;
}

static void score_known(const struct scoring *scoring, struct scored *scored)
{
	struct surroundings around;
	struct hazard_score score;
	const struct account_state *state = &scored->row->state;
	const struct risk_occasion occasion =
		judged_with_occasion(&scoring->with, state, scoring->at_ms, &around);
	risk_score(state, &occasion, &score, NULL);
	scored->is_known = true;
	scored->probability = score.probability;
	scored->abstains = risk_abstains(state, &scoring->with.model, scoring->at_ms) != NULL;
	scored->is_at_risk = !scored->abstains && score.probability >= scoring->risk.open;
}

static void score_buyer(const struct scoring *scoring, struct scored *scored)
{
	struct buyer_score score;
	buyer_score(&scored->row->state.buyer, scoring->at_ms, &score);
	scored->probability = score.probability;
	scored->abstains = churn_abstains(&scoring->churn, &score) != NULL;
	scored->is_at_risk = !scored->abstains && score.probability >= 0.5;
}

static int by_stake(const void *a, const void *b)
{
	const struct scored *left = a, *right = b;
	if (left->is_at_risk != right->is_at_risk)
		return right->is_at_risk - left->is_at_risk;
	double difference = stake(right) - stake(left);
	if (difference != 0)
		return difference > 0 ? 1 : -1;
	return bytes_compare(account_row_key(left->row), account_row_key(right->row));
}

static size_t buyer_words(const struct scoring *scoring, const struct account_state *state,
			  struct reason reasons[REASONS_MAX], struct reason_texts *texts)
{
	struct buyer_score score;
	buyer_score(&state->buyer, scoring->at_ms, &score);
	return churn_reasons(&score, state->currency, reasons, texts);
}

static size_t known_words(const struct scoring *scoring, const struct account_state *state,
			  struct reason reasons[REASONS_MAX], struct reason_texts *texts)
{
	struct surroundings around;
	struct hazard_score score;
	const struct risk_occasion occasion =
		judged_with_occasion(&scoring->with, state, scoring->at_ms, &around);
	risk_score(state, &occasion, &score, NULL);
	return risk_words(state, &occasion, &score, reasons, texts);
}

static void print_scored(const struct scoring *scoring, const struct scored *scored)
{
	const struct account_state *state = &scored->row->state;
	struct reason reasons[REASONS_MAX];
	struct reason_texts texts;
	size_t count = scored->is_known ? known_words(scoring, state, reasons, &texts)
					: buyer_words(scoring, state, reasons, &texts);
	printf("  %-14.*s %5.1f %%  %9.2f %s  %s ", (int)scored->row->key_len,
	       (const char *)scored->row->key, 100 * scored->probability,
	       (double)state->buyer.sum_minor / 100, state->currency,
	       scored->is_known ? "leaves:" : "no order:");
	if (scored->is_known && (count == 0 || reasons[0].contribution <= 0)) {
		printf("nothing tells of it\n");
		return;
	}
	for (size_t i = 0; i < count && i < 3 && (i == 0 || reasons[i].contribution > 0); i++)
		printf("%s%.*s",
		       i == 0		  ? ""
		       : scored->is_known ? "; "
					  : " ",
		       (int)reasons[i].text.len, (const char *)reasons[i].text.data);
	printf("\n");
}

static struct err *write_scores(const char *path, const struct scored *scored, size_t count,
				int64_t at_ms)
{
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return err_new(ERR_FATAL, "FILE", "%s can't be written: %s", path, strerror(errno));
	int failed = 0;
	for (size_t i = 0; i < count && !failed; i++) {
		json_t *line = json_pack("{s:s%,s:I,s:f,s:b,s:b}", "account", scored[i].row->key,
					 (size_t)scored[i].row->key_len, "at_ms", (json_int_t)at_ms,
					 "probability", scored[i].probability, "abstained",
					 scored[i].abstains, "of_leaving", scored[i].is_known);
		failed = line == NULL || json_dumpf(line, file, JSON_COMPACT) != 0 ||
			 fputc('\n', file) == EOF;
		json_decref(line);
	}
	failed |= fclose(file) != 0;
	return failed ? err_new(ERR_FATAL, "FILE", "%s can't be written to its end", path) : NULL;
}

static size_t score_all(const struct scoring *scoring, const struct account_table *table,
			struct scored *scored)
{
	size_t count = 0;
	for (size_t i = 0; i < table->count; i++) {
		const struct account_state *state = &table->rows[i].state;
		bool is_known = relationship_is_known(&state->relationship);
		if (account_state_into(state).len > 0 ||
		    (is_known ? risk_has_left(state, scoring->at_ms)
			      : state->buyer.order_count == 0))
			continue;
		scored[count].row = &table->rows[i];
		(is_known ? score_known : score_buyer)(scoring, &scored[count]);
		count++;
	}
	if (count > 1)
		qsort(scored, count, sizeof *scored, by_stake);
	return count;
}

static struct err *rank(const struct args *args, const struct client_options *client,
			const struct account_table *table, int64_t top)
{
	struct scoring scoring;
	const char *at = args_value(args, "at", "");
	if (!time_parse(at, &scoring.at_ms))
		return err_new(ERR_FATAL, "USAGE", "--at needs a date or time such as 1997-10-01");
	account_rules_read(args_conf(args), &scoring.churn, &scoring.risk);
	struct err *err = judged_with_read(&scoring.with, args_conf(args), client);
	struct scored *scored = check_calloc(table->count + 1, sizeof *scored);
	size_t count = err == NULL ? score_all(&scoring, table, scored) : 0;
	if (err == NULL)
		printf("Most at stake of %zu accounts as of %s (probability of leaving, or where "
		       "orders alone are known of no\norder, in %d days; worth so far):\n",
		       count, at, BUYER_HORIZON_DAYS);
	for (size_t i = 0; i < count && i < (size_t)top; i++)
		print_scored(&scoring, &scored[i]);
	const char *out = args_value(args, "out", NULL);
	if (err == NULL && out != NULL)
		err = write_scores(out, scored, count, scoring.at_ms);
	free(scored);
	judged_with_fini(&scoring.with);
	return err;
}

/* What became of one account that was scored earlier. */
struct verdict {
	int64_t newest_ms; /* up to when anything is known */
	size_t count, returned_count, shown;
	struct ranking_case *cases;
};

/* Below it an account that has become silent counts as gone, as for the examples that are learnt.
 */
#define GONE 0.3

static bool has_stayed(const struct account_state *state, int64_t newest_ms)
{
	const struct features *features = &state->relationship.features;
	return features->ended_ms == 0 && features_alive(features, newest_ms) >= GONE;
}

static struct err *judge_line(struct verdict *verdict, const struct account_table *table,
			      const char *path, const char *text, int64_t top)
{
	json_t *line = json_loads(text, 0, NULL);
	const char *account = NULL;
	size_t account_len = 0;
	json_int_t at_ms = 0;
	double probability = 0;
	int abstained = 0, of_leaving = 0;
	int failed = line == NULL ||
		     json_unpack(line, "{s:s%,s:I,s:F,s:b,s?b}", "account", &account, &account_len,
				 "at_ms", &at_ms, "probability", &probability, "abstained",
				 &abstained, "of_leaving", &of_leaving) != 0;
	const struct account_row *row =
		failed ? NULL : account_table_find(table, bytes_of(account, account_len));
	if (row == NULL) {
		json_decref(line);
		return err_new(ERR_FATAL, "JUDGE_FILE",
			       "%s, line %zu: not a score written by --out, or its account is gone",
			       path, verdict->count + 1);
	}
	bool returned = of_leaving ? has_stayed(&row->state, verdict->newest_ms)
				   : row->state.buyer.last_ms >= at_ms;
	if (!abstained && verdict->shown < (size_t)top) {
		char when[TIME_TEXT_LEN + 1];
		time_format(of_leaving ? row->state.last_ms : row->state.buyer.last_ms, when);
		printf("  %-14s %5.1f %%  %s %.10s\n", account, 100 * probability,
		       of_leaving ? (returned ? "stayed, last heard of" : "left, last heard of")
		       : returned ? "ordered again, last on"
				  : "never came back, last order",
		       when);
		verdict->shown++;
	}
	verdict->cases[verdict->count++] = (struct ranking_case){ 1 - probability, returned };
	verdict->returned_count += returned;
	json_decref(line);
	return NULL;
}

static struct err *judge(const struct account_table *table, const char *path, int64_t top)
{
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return err_new(ERR_FATAL, "FILE", "%s can't be read: %s", path, strerror(errno));
	struct verdict verdict = { .cases = check_calloc(table->count, sizeof *verdict.cases) };
	char text[LINE_LEN_MAX];
	struct err *err = NULL;
	for (size_t i = 0; i < table->count; i++)
		if (table->rows[i].state.last_ms > verdict.newest_ms)
			verdict.newest_ms = table->rows[i].state.last_ms;
	printf("What they really did:\n");
	while (err == NULL && fgets(text, sizeof text, file) != NULL) {
		if (verdict.count == table->count)
			err = err_new(ERR_FATAL, "JUDGE_FILE", "%s names accounts twice", path);
		else
			err = judge_line(&verdict, table, path, text, top);
	}
	fclose(file);
	if (err == NULL && verdict.count == 0)
		err = err_new(ERR_FATAL, "JUDGE_FILE", "%s holds no scores", path);
	if (err == NULL)
		printf("%zu of %zu accounts ordered again, or stayed; AUC of the ranking %.4f (0.5 "
		       "is chance)\n",
		       verdict.returned_count, verdict.count,
		       ranking_auc(verdict.cases, verdict.count));
	free(verdict.cases);
	return err;
}

static struct err *risk(const struct args *args)
{
	struct options_client client;
	options_client_init(&client, args_conf(args));
	const char *path = args_value(args, "judge", NULL);
	struct account_table table = { 0 };
	int64_t top = 0;
	struct err *err = args_number(args, "top", TOP_DEFAULT, 0, TOP_MAX, &top);
	if (err == NULL)
		err = account_table_read(&table, args_conf(args), &client.options,
					 bytes_of(NULL, 0));
	if (err == NULL)
		err = path != NULL ? judge(&table, path, top)
				   : rank(args, &client.options, &table, top);
	account_table_fini(&table);
	return err;
}

int cmd_risk(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = risk(args);
	args_close(&args);
	return exit_report("risk", &err);
}
