#include "cli/models_import.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/dmath.h"
#include "base/timestamp.h"
#include "cli/model_lessons.h"
#include "evaluate/brought.h"

/* ---- export ---- */

static void write_text(FILE *out, struct bytes text)
{
	putc('"', out);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"')
			putc('"', out);
		putc(text.data[i], out);
	}
	putc('"', out);
}

static struct err *write_lesson(void *context, const struct lesson *lesson,
				const struct example_facts *facts)
{
	FILE *out = context;
	if (!examples_are_known(facts))
		return NULL;
	char at[TIME_TEXT_LEN + 1], matured[TIME_TEXT_LEN + 1];
	time_format(lesson->at_ms, at);
	time_format(lesson->matured_ms, matured);
	write_text(out, lesson->account);
	fprintf(out, ",%s,%s,%d", at, matured, lesson->ended);
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		fprintf(out, ",%.9g", facts->features[i]);
	putc('\n', out);
	return NULL;
}

static struct err *output_failed(const char *path)
{
	return err_new(ERR_FATAL, "OUTPUT", "%s can't be written: %s", path, strerror(errno));
}

struct err *models_export(const struct conf *conf, const struct client_options *client,
			  const char *path)
{
	struct registry *registry = NULL;
	struct err *err = registry_open(conf_string(conf, "registry.url"), &registry);
	if (err != NULL)
		return err;
	FILE *out = fopen(path, "w");
	if (out == NULL) {
		registry_close(&registry);
		return output_failed(path);
	}
	fprintf(out, "account,at,matured,left");
	for (size_t i = 0; i < FEATURE_COUNT; i++)
		fprintf(out, ",%s", features_names[i]);
	putc('\n', out);
	err = model_lessons_read(conf, client, registry, write_lesson, out, NULL);
	bool is_written = !ferror(out);
	is_written &= fclose(out) == 0;
	registry_close(&registry);
	return err == NULL && !is_written ? output_failed(path) : err;
}

/* ---- import ---- */

static size_t feature_of(const char *name)
{
	size_t feature = 0;
	while (feature < FEATURE_COUNT && strcmp(features_names[feature], name) != 0)
		feature++;
	return feature;
}

/* The model for the stream: its columns must be called as the features are. */
static struct err *grove_of(const struct brought *brought, struct grove *grove)
{
	size_t columns[FOREST_COLUMNS_MAX];
	*grove = (struct grove){ 0 };
	for (size_t j = 0; j < brought->forest.column_count; j++) {
		const char *name = j < brought->names.count ? brought->names.names[j] : "";
		columns[j] = feature_of(name);
		if (columns[j] == FEATURE_COUNT)
			return err_new(ERR_FATAL, "COLUMN_UNKNOWN",
				       "column %zu of the model, \"%.80s\", is no feature of an "
				       "account: train it on what `foretell models export` writes, "
				       "under the names of its columns",
				       j + 1, name);
	}
	return grove_bring(&brought->forest, columns, grove);
}

struct trial {
	struct hazard_model model;
	struct hazard_measure measure;
	struct bgnbd_learner buyers;
	int64_t matured_ms;   /* of the last lesson */
	int64_t held_from_ms; /* TIME_NONE: none is held out, all are tried */
};

static struct err *try_lesson(void *context, const struct lesson *lesson,
			      const struct example_facts *facts)
{
	struct trial *trial = context;
	bool is_tried =
		trial->held_from_ms == TIME_NONE || lesson->matured_ms >= trial->held_from_ms;
	if (examples_are_known(facts) && is_tried) {
		double p = dm_sigmoid(grove_margin(&trial->model.grove, facts->features));
		hazard_measure_add(&trial->measure, dm_clamp(p, 1e-9, 1 - 1e-9), lesson->ended);
		trial->matured_ms = lesson->matured_ms;
	}
	if (facts->history.repeats >= 0)
		bgnbd_learn(&trial->buyers, &facts->history);
	return NULL;
}

static struct err *publish(const struct conf *conf, const struct client_options *client,
			   struct registry *registry, struct trial *trial)
{
	char version[MODEL_VERSION_LEN + 1];
	const struct hazard_measure *measure = &trial->measure;
	double weight = measure->weight > 0 ? measure->weight : 1;
	bool is_held = trial->held_from_ms != TIME_NONE;
	if (is_held && measure->example_count == 0)
		return err_new(ERR_FATAL, "NO_LESSONS",
			       "no lesson has matured since --trained-until: there is nothing to "
			       "judge the model by");
	(is_held ? hazard_judge : hazard_judge_seen)(&trial->model, measure);
	trial->model.buys = bgnbd_learnt(&trial->buyers);
	struct model_record record = { .at_ms = trial->matured_ms,
				       .example_count = measure->example_count,
				       .ended_count = measure->ended_count,
				       .log_loss = measure->loss / weight,
				       .base_log_loss = measure->base_loss / weight,
				       .calibration_error = hazard_calibration_error(measure) };
	struct err *err = model_publish(conf, client, registry, &trial->model, &record, version);
	if (err != NULL)
		return err;
	printf("%u trees; on %" PRId64 " lessons, %s: log loss %.4f, the base rate's %.4f\n",
	       (unsigned)trial->model.grove.tree_count, record.example_count,
	       is_held ? "held out" : "which it may have been trained on, so they prove nothing",
	       record.log_loss, record.base_log_loss);
	printf("published as %s: `foretell models activate %s`\n", version, version);
	return NULL;
}

struct err *models_import(const struct conf *conf, const struct client_options *client,
			  const char *path, const char *golden_path, int64_t held_from_ms)
{
	struct brought brought;
	struct registry *registry = NULL;
	struct trial *trial = check_calloc(1, sizeof *trial);
	struct err *err = brought_read(path, golden_path, &brought);
	trial->held_from_ms = held_from_ms;
	hazard_prior(&trial->model);
	bgnbd_learner_init(&trial->buyers);
	if (err == NULL)
		err = grove_of(&brought, &trial->model.grove);
	if (err == NULL)
		err = registry_open(conf_string(conf, "registry.url"), &registry);
	if (err == NULL)
		err = model_lessons_read(conf, client, registry, try_lesson, trial,
					 &trial->model.trust);
	if (err == NULL)
		err = publish(conf, client, registry, trial);
	registry_close(&registry);
	brought_fini(&brought);
	free(trial);
	return err;
}
