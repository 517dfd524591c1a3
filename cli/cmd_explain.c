#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "cli/account_rules.h"
#include "cli/account_table.h"
#include "cli/args.h"
#include "cli/commands.h"
#include "cli/explain_at.h"
#include "cli/judged_with.h"
#include "cli/options.h"
#include "consumers/churn.h"
#include "consumers/topics.h"
#include "kafka/reader.h"
#include "schemas/registry.h"

static const struct args_flag flags[] = {
	{ "at", "TIME", NULL,
	  "as it was at this moment: the log of its partition is replayed up to there (default: "
	  "as it is now, with what was said of it)" },
	{ NULL, NULL, NULL, NULL },
};

static const char *const examples[] = { "foretell explain 04711",
					"foretell explain 04711 --at 1997-09-30", NULL };

static const struct args_spec spec = {
	.command = "explain",
	.operands = "ACCOUNT",
	.operand_count_min = 1,
	.operand_count_max = 1,
	.about = "Shows an account's latest state, its scores, and how reasons moved them: base\n"
		 "plus contributions is the margin, and the probability follows from the margin.\n"
		 "Listed are up to four reasons of which something tells; what the others add is\n"
		 "one sum. The scores are those that were said when the band of risk changed, in\n"
		 "the order of time; --at judges at a moment. Where orders alone are known, the\n"
		 "last one is as of the last look.",
	.flags = flags,
	.options = account_rules_options,
	.examples = examples,
};

enum { SEVERITY_COUNT = 4, BAND_COUNT = 6 };

static const char *const severities[SEVERITY_COUNT] = { "low", "medium", "high", "critical" };
static const char *const bands[BAND_COUNT] = { "unknown",  "low",  "guarded",
					       "elevated", "high", "severe" };

static void print_time(const char *label, int64_t ms)
{
	char text[TIME_TEXT_LEN + 1];
	time_format(ms, text);
	printf("  %-18s %s\n", label, text);
}

static void print_state(const struct account_state *state)
{
	const struct buyer *buyer = &state->buyer;
	printf("  %-18s %" PRId64 " (%" PRId64 " late)\n", "events", state->event_count,
	       state->late_count);
	print_time("first event", state->first_ms);
	print_time("last event", state->last_ms);
	for (size_t i = 0; i < state->type_count; i++) {
		const struct type_statistics *row = &state->types[i];
		char type[EVENT_TYPE_MAX + 1];
		snprintf(type, sizeof type, "%.*s", (int)row->type_len, (const char *)row->type);
		utf8_plain(type);
		printf("  %-18s %" PRId64 ", in sum %.2f %s\n", type, row->count,
		       (double)row->sum_minor / 100, state->currency);
	}
	printf("  %-18s %" PRId64 " on %" PRId64 " days, worth %.2f %s\n", "orders",
	       buyer->event_count, buyer->order_count, (double)buyer->sum_minor / 100,
	       state->currency);
}

static void print_score(const struct account_state *state, int64_t at_ms)
{
	struct buyer_score score;
	struct reason reasons[REASONS_MAX];
	struct reason_texts texts;
	buyer_score(&state->buyer, at_ms, &score);
	size_t count = churn_reasons(&score, state->currency, reasons, &texts);
	print_time("as of", at_ms);
	printf("  %-18s %.3f that no order comes within %d days (%s)\n", "probability",
	       score.probability, BUYER_HORIZON_DAYS, bands[churn_band(score.probability, true)]);
	printf("  %-18s %.0f days, if the risk stays as it is\n", "expected",
	       hazard_expected_days(score.probability, BUYER_HORIZON_DAYS));
	if (score.abstain != BUYER_ABSTAIN_NO)
		printf("  %-18s for ranking only, no alert: %s\n", "abstains",
		       buyer_abstain_name(score.abstain));
	printf("  %-18s %+.4f\n", "base", score.base_margin);
	for (size_t i = 0; i < count; i++)
		printf("  %-18.*s %+.4f  %s\n", (int)reasons[i].code.len,
		       (const char *)reasons[i].code.data, reasons[i].contribution, texts.en[i]);
	printf("  %-18s %+.4f\n", "margin", score.margin);
	printf("  %-18s %s\n", "model", buyer_model_id());
}

/* ---- what was said of it ---- */

/* A score in words, to be put into the order of time. */
struct said_score {
	int64_t at_ms;
	size_t came; /* in the log */
	char *text;  /* owned */
};

struct said {
	struct registry *registry;
	struct bytes account;
	struct said_score *scores;
	size_t count, room;
};

static int by_time(const void *a, const void *b)
{
	const struct said_score *x = a, *y = b;
	if (x->at_ms != y->at_ms)
		return x->at_ms < y->at_ms ? -1 : 1;
	return x->came < y->came ? -1 : x->came > y->came;
}

static void said_fini(struct said *said)
{
	for (size_t i = 0; i < said->count; i++)
		free(said->scores[i].text);
	free(said->scores);
	registry_close(&said->registry);
}

static void said_line(FILE *out, const char *label, int64_t ms)
{
	char text[TIME_TEXT_LEN + 1];
	time_format(ms, text);
	fprintf(out, "  %-18s %s\n", label, text);
}

static void tell_score(FILE *out, const struct score *score)
{
	bool is_risk = score->base_rate >= 0;
	said_line(out, "as of", score->at_ms);
	said_line(out, "newest event", score->data_ms);
	fprintf(out, "  %-18s %.3f that %s within %d days (%s)", "probability", score->probability,
		is_risk ? "it leaves" : "no order comes", (int)score->horizon_days,
		bands[score->band]);
	if (is_risk)
		fprintf(out, "; all accounts %.3f", score->base_rate);
	fprintf(out, "\n  %-18s %.0f days, if the risk stays as it is\n", "expected",
		score->expected_days);

	if (score->abstained)
		fprintf(out, "  %-18s %.*s\n", "abstains", (int)score->abstained_why.len,
			(const char *)score->abstained_why.data);
	fprintf(out, "  %-18s %+.4f\n", "base", score->base_margin);
	double listed = 0;
	for (size_t i = 0; i < score->reason_count; i++) {
		fprintf(out, "  %-18.*s %+.4f  %.*s\n", (int)score->reasons[i].code.len,
			(const char *)score->reasons[i].code.data, score->reasons[i].contribution,
			(int)score->reasons[i].text.len, (const char *)score->reasons[i].text.data);
		listed += score->reasons[i].contribution;
	}
	fprintf(out, "  %-18s %+.4f\n", "all others", score->margin - score->base_margin - listed);
	fprintf(out, "  %-18s %+.4f\n", "margin", score->margin);
	fprintf(out, "  %-18s %.*s, rule %.*s\n\n", "model", (int)score->model_version.len,
		(const char *)score->model_version.data, (int)score->rule_version.len,
		(const char *)score->rule_version.data);
}

static struct err *take_said(void *context, const struct record *record)
{
	struct said *said = context;
	struct score score;
	if (!bytes_equal(record->key, said->account))
		return NULL;
	struct err *err = registry_decode(said->registry, &score_type, record->value, &score);
	if (err != NULL)
		return err;
	if (said->count == said->room) {
		said->room = said->room == 0 ? 64 : 2 * said->room;
		said->scores = check_realloc(said->scores, said->room * sizeof *said->scores);
	}
	struct said_score *kept = &said->scores[said->count];
	size_t len = 0;
	*kept = (struct said_score){ .at_ms = score.at_ms, .came = said->count++ };
	FILE *out = open_memstream(&kept->text, &len);
	CHECK(out != NULL);
	tell_score(out, &score);
	fclose(out);
	return NULL;
}

/* Every score that is still in the log, in the order of time. */
static struct err *print_all_said(const struct args *args, const struct client_options *client)
{
	char topic[TOPIC_NAME_MAX + 1];
	struct said said = { .account = bytes_str(args_operand(args, 0)) };
	struct err *err =
		registry_open(conf_string(args_conf(args), "registry.url"), &said.registry);
	if (err != NULL)
		return err;
	topics_name(conf_string(args_conf(args), "app.id"), "scores", topic);
	const struct reader_options reader = { .client = client, .topic = topic, .partition = -1 };
	err = reader_run(&reader, take_said, &said, NULL);
	if (err == NULL && said.count == 0)
		printf("  %-18s none of it is in %s (scores are kept for 90 days)\n", "scores",
		       topic);
	if (said.count > 0)
		qsort(said.scores, said.count, sizeof *said.scores, by_time);
	for (size_t i = 0; i < said.count; i++)
		fputs(said.scores[i].text, stdout);
	said_fini(&said);
	return err;
}

static void print_alert(const struct alert_state *alert)
{
	if (alert->episode == 0) {
		printf("  %-18s none so far\n", "alert");
		return;
	}
	printf("  %-18s %s, %s, severity %s, episode %" PRId32 ", revision %" PRId32 "\n", "alert",
	       alert_rule_names[alert->rule], alert->open ? "open" : "closed",
	       severities[alert->severity], alert->episode, alert->revision);
	print_time("opened", alert->opened_ms);
	double opens = alert_life_open(alert, 0.5);
	if (alert->useful_count > 0 || alert->wrong_count > 0)
		printf("  %-18s %" PRId32 " useful, %" PRId32
		       " wrong: odds to open the next x %.2f\n",
		       "answers", alert->useful_count, alert->wrong_count, opens / (1 - opens));
	if (!alert->open && alert->cool_until_ms > 0)
		print_time("cools down until", alert->cool_until_ms);
}

static void print_opportunity(const struct account_state *state, const struct bgnbd *buys,
			      int64_t at_ms)
{
	struct opportunity_score score;
	struct reason reasons[REASONS_MAX];
	struct reason_texts texts;
	opportunity_score(state, buys, at_ms, &score);
	size_t count = opportunity_reasons(state, at_ms, &score, reasons, &texts);
	if (count == 0)
		return;
	printf("  %-18s %.3f that it buys more within %d days (weights set by hand)\n",
	       "opportunity", score.probability, OPPORTUNITY_DAYS);
	printf("  %-18s %+.4f\n", "base", score.base_margin);
	for (size_t i = 0; i < count; i++)
		printf("  %-18.*s %+.4f  %s\n", (int)reasons[i].code.len,
		       (const char *)reasons[i].code.data, reasons[i].contribution,
		       (const char *)reasons[i].text.data);
	printf("  %-18s %+.4f\n", "margin", score.margin);
}

/* As it was: its states, scores and alert are those of the replay. */
static struct err *explain_then(const struct args *args, const struct client_options *client)
{
	struct explain_at at;
	int64_t at_ms = 0;
	const char *text = args_value(args, "at", NULL), *account = args_operand(args, 0);
	if (!time_parse(text, &at_ms))
		return err_new(ERR_FATAL, "USAGE",
			       "--at %s is not a date or time such as 1997-09-30", text);
	if (*account == '\0' || strlen(account) > KEY_LEN_MAX)
		return err_new(ERR_FATAL, "USAGE", "an account has 1 to %d bytes", KEY_LEN_MAX);
	struct err *err = explain_at_read(&at, args_conf(args), client, bytes_str(account), at_ms);
	const struct account_state *state = err == NULL ? account_replay_state(at.replay) : NULL;
	if (state != NULL && account_state_into(state).len > 0)
		err = err_new(ERR_FATAL, "ACCOUNT_MERGED", "by then %s was a part of %.*s", account,
			      (int)state->into_len, (const char *)state->into);
	else if (state != NULL && state->event_count == 0)
		err = err_new(ERR_FATAL, "ACCOUNT_UNKNOWN",
			      "the log of %s.account.events has nothing of %s up to then",
			      conf_string(args_conf(args), "app.id"), account);
	if (err == NULL) {
		printf("account %s\n", account);
		print_state(state);
		explain_at_print(&at);
		if (!relationship_is_known(&state->relationship))
			print_score(state, at_ms);
		print_opportunity(state, explain_at_buys(&at), at_ms);
		print_alert(&state->alert);
	}
	explain_at_free(&at);
	return err;
}

static struct err *explain(const struct args *args)
{
	struct options_client client;
	options_client_init(&client, args_conf(args));
	const char *account = args_operand(args, 0);
	struct account_table table;
	struct judged_with with = { 0 };
	if (args_value(args, "at", NULL) != NULL)
		return explain_then(args, &client.options);
	struct err *err =
		account_table_read(&table, args_conf(args), &client.options, bytes_str(account));
	if (err == NULL && table.count == 0)
		err = err_new(ERR_FATAL, "ACCOUNT_UNKNOWN",
			      "there is no account %s in %s.accounts (yet?); foretell identity %s "
			      "tells which account has a name",
			      account, conf_string(args_conf(args), "app.id"), account);
	if (err == NULL)
		err = judged_with_read(&with, args_conf(args), &client.options);
	if (err == NULL) {
		const struct account_state *state = &table.rows[0].state;
		int64_t at_ms = state->scored_ms != 0 ? state->scored_ms : state->last_ms;
		printf("account %s\n", account);
		print_state(state);
		err = print_all_said(args, &client.options);
		if (!relationship_is_known(&state->relationship))
			print_score(state, at_ms);
		print_opportunity(state, &with.model.buys, at_ms);
		print_alert(&state->alert);
	}
	judged_with_fini(&with);
	account_table_fini(&table);
	return err;
}

int cmd_explain(int argc, char **argv)
{
	struct args *args;
	int code = args_open(&spec, argc, argv, &args);
	if (args == NULL)
		return code;
	struct err *err = explain(args);
	args_close(&args);
	return exit_report("explain", &err);
}
