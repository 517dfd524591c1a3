#include "cli/explain_at.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/timestamp.h"
#include "cli/account_rules.h"
#include "consumers/risk_words.h"
#include "consumers/topics.h"
#include "kafka/admin.h"
#include "kafka/reader.h"

static struct err *take(void *context, const struct record *record)
{
	return account_replay_take(context, record);
}

/* Where the account's records are: murmur2 of its key, as every keyed topic of foretell has it. */
static struct err *find_partition(const struct client_options *client, const char *topic,
				  struct bytes account, int32_t *partition)
{
	struct admin *admin = NULL;
	int32_t count = 0;
	struct err *err = admin_open(client, &admin);
	if (err == NULL)
		err = admin_partition_count(admin, topic, &count);
	if (admin != NULL)
		admin_close(&admin);
	if (err == NULL && count <= 0)
		err = err_new(ERR_FATAL, "TOPIC_MISSING", "there is no topic %s", topic);
	if (err == NULL)
		*partition = hash_partition(account, count);
	return err;
}

struct err *explain_at_read(struct explain_at *at, const struct conf *conf,
			    const struct client_options *client, struct bytes account,
			    int64_t at_ms)
{
	char topic[TOPIC_NAME_MAX + 1];
	struct account_options options = { .tick_ms = MS_PER_DAY, .partition_count = 1 };
	int32_t partition = 0;
	*at = (struct explain_at){ 0 };
	account_rules_read(conf, &options.churn, &options.risk);
	topics_name(conf_string(conf, "app.id"), "account.events", topic);
	struct err *err = find_partition(client, topic, account, &partition);
	if (err == NULL)
		err = registry_open(conf_string(conf, "registry.url"), &at->registry);
	if (err != NULL)
		return err;
	at->replay = account_replay_new(&options, account, at_ms, at->registry);
	const struct reader_options reader = { .client = client,
					       .topic = topic,
					       .partition = partition };
	err = reader_run(&reader, take, at->replay, NULL);
	if (err == NULL)
		account_replay_end(at->replay);
	return err;
}

void explain_at_free(struct explain_at *at)
{
	account_replay_free(&at->replay);
	registry_close(&at->registry);
}

static void print_risk(const struct account_state *state, const struct risk_occasion *occasion)
{
	struct hazard_score score;
	struct reason reasons[REASONS_MAX];
	struct reason_texts texts;
	double listed = 0;
	risk_score(state, occasion, &score, NULL);
	size_t count = risk_words(state, occasion, &score, reasons, &texts);
	const char *abstains = risk_abstains(state, occasion->model, occasion->at_ms);
	printf("  %-18s %.3f that it leaves within %d days; all accounts %.3f\n", "probability",
	       score.probability, HAZARD_HORIZON_DAYS, occasion->model->base_rate);
	printf("  %-18s %.0f days, if the risk stays as it is\n", "expected", score.expected_days);
	if (abstains != NULL)
		printf("  %-18s %s\n", "abstains", abstains);
	printf("  %-18s %+.4f\n", "base", score.base_margin);
	for (size_t i = 0; i < count; i++) {
		printf("  %-18.*s %+.4f  %.*s\n", (int)reasons[i].code.len,
		       (const char *)reasons[i].code.data, reasons[i].contribution,
		       (int)reasons[i].text.len, (const char *)reasons[i].text.data);
		listed += reasons[i].contribution;
	}
	printf("  %-18s %+.4f\n", "all others", score.margin - score.base_margin - listed);
	printf("  %-18s %+.4f\n", "margin", score.margin);
	printf("  %-18s %s, rule %s\n", "model", occasion->model->version, risk_rule_version);
}

void explain_at_print(const struct explain_at *at)
{
	struct surroundings around;
	const struct account_state *state = account_replay_state(at->replay);
	const struct risk_occasion occasion = account_replay_occasion(at->replay, &around);
	int64_t first = account_replay_first_offset(at->replay);
	if (first > 0)
		printf("  %-18s the log begins at offset %" PRId64
		       ": what came before is gone, and not in here\n",
		       "replayed", first);
	else
		printf("  %-18s from the log's first record\n", "replayed");
	if (relationship_is_known(&state->relationship))
		print_risk(state, &occasion);
}

const struct bgnbd *explain_at_buys(const struct explain_at *at)
{
	struct surroundings around;
	return &account_replay_occasion(at->replay, &around).model->buys;
}
