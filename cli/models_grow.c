#include "cli/models_grow.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "cli/model_lessons.h"
#include "evaluate/challenge.h"

enum { HELD_ONE_IN = 5 };

struct growing {
	struct challenge *challenge;
	struct bgnbd_learner buyers;
	struct trust trust;
};

static struct err *take(void *context, const struct lesson *lesson,
			const struct example_facts *facts)
{
	struct growing *growing = context;
	if (examples_are_known(facts))
		challenge_take(growing->challenge, facts->features, lesson->matured_ms,
			       lesson->ended, hash_murmur2(lesson->account) % HELD_ONE_IN == 0);
	if (facts->history.repeats >= 0)
		bgnbd_learn(&growing->buyers, &facts->history);
	return NULL;
}

static struct err *publish(const struct conf *conf, const struct client_options *client,
			   struct registry *registry, struct challenge_report *report)
{
	char version[MODEL_VERSION_LEN + 1];
	struct model_record record = { .at_ms = report->matured_ms,
				       .example_count = report->lesson_count,
				       .ended_count = report->ended_count,
				       .log_loss = report->trees_loss,
				       .base_log_loss = report->base_loss,
				       .calibration_error = report->trees_error };
	report->model.is_proven = report->trees_loss < report->base_loss;
	report->model.is_refuted = !report->model.is_proven;
	struct err *err = model_publish(conf, client, registry, &report->model, &record, version);
	if (err == NULL)
		printf("published as %s, with %u trees: `foretell models activate %s`\n", version,
		       (unsigned)report->model.grove.tree_count, version);
	return err;
}

static struct err *judge(const struct growing *growing, const struct conf *conf,
			 const struct client_options *client, struct registry *registry)
{
	struct challenge_report report;
	if (!challenge_end(growing->challenge, &report)) {
		printf("%" PRId64 " lessons, %" PRId64
		       " of accounts that left: too few to grow trees with (%d)\n",
		       report.lesson_count, report.ended_count, CHALLENGE_LESSONS_MIN);
		return NULL;
	}
	printf("%" PRId64 " lessons; log loss on the last %" PRId64 " (%" PRId64 " left):\n"
	       "  base rate     %.4f\n  hazard model  %.4f\n  with trees    %.4f\n",
	       report.lesson_count, report.tested_count, report.tested_ended, report.base_loss,
	       report.hazard_loss, report.trees_loss);
	report.model.buys = bgnbd_learnt(&growing->buyers);
	report.model.trust = growing->trust;
	if (report.is_better && report.model.grove.tree_count > 0)
		return publish(conf, client, registry, &report);
	printf("the hazard model is as good: no version is published\n");
	return NULL;
}

struct err *models_grow(const struct conf *conf, const struct client_options *client)
{
	struct registry *registry = NULL;
	struct err *err = registry_open(conf_string(conf, "registry.url"), &registry);
	if (err != NULL)
		return err;
	struct growing growing = { .challenge = challenge_new() };
	bgnbd_learner_init(&growing.buyers);
	err = model_lessons_read(conf, client, registry, take, &growing, &growing.trust);
	if (err == NULL)
		err = judge(&growing, conf, client, registry);
	challenge_free(&growing.challenge);
	registry_close(&registry);
	return err;
}
