#include "cli/status_positions.h"

#include <stdlib.h>

#include "base/check.h"
#include "consumers/topics.h"

const char *position_fault_text(enum position_fault fault)
{
	switch (fault) {
	case POSITION_NONE: return "no position is committed: not begun";
	case POSITION_FOREIGN:
		return "what is committed is not foretell's: another program uses this group. "
		       "Choose "
		       "another --app";
	case POSITION_PASSED:
		return "retention removed what a start must replay. Lengthen retention.ms and "
		       "retention.bytes, and start over under another --app with --from-beginning";
	case POSITION_TRUNCATED:
		return "the log ends before what is committed: truncated, or made anew. Start over "
		       "under another --app with --from-beginning";
	case POSITION_GOOD:
	default: return "";
	}
}

void position_judge(const struct group_position *committed, struct stage_position *position)
{
	*position = (struct stage_position){ .fault = POSITION_NONE };
	int64_t from = committed->offset < committed->low ? committed->low : committed->offset;
	position->lag = committed->end > from ? committed->end - from : 0;
	if (committed->offset < 0)
		return;
	struct err *err =
		checkpoint_parse(committed->offset, committed->metadata, &position->checkpoint);
	if (err != NULL) {
		err_free(&err);
		position->fault = POSITION_FOREIGN;
		return;
	}
	position->fault = POSITION_GOOD;
	if (position->checkpoint.y < committed->low)
		position->fault = POSITION_PASSED;
	else if (position->checkpoint.x > committed->end)
		position->fault = POSITION_TRUNCATED;
}

static void name_topics(struct stage_positions *stage, const struct conf *conf)
{
	const char *app_id = conf_string(conf, "app.id");
	names_output(app_id, stage->stage, stage->group);
	const char *log = stage_log(stage->stage);
	if (log == NULL) {
		const char *const *inputs = conf_list(conf, "inputs", &stage->topic_count);
		for (size_t i = 0; i < stage->topic_count; i++)
			stage->topics[i] = inputs[i];
		return;
	}
	topics_name(app_id, log, stage->own_topic);
	stage->topics[0] = stage->own_topic;
	stage->topic_count = 1;
}

static struct err *read_stage(struct stage_positions *stage, const struct conf *conf,
			      const struct client_options *client)
{
	name_topics(stage, conf);
	struct err *err = group_view_read(client, stage->group, stage->topics, stage->topic_count,
					  &stage->view);
	if (err != NULL)
		return err;
	stage->positions = check_calloc(stage->view.position_count + 1, sizeof *stage->positions);
	/* a stage that only some applications have */
	stage->is_used = strcmp(stage->stage, stage_names[STAGE_ALLOCATE]) != 0 ||
			 stage->view.member_count > 0;
	for (size_t i = 0; i < stage->view.position_count; i++) {
		position_judge(&stage->view.positions[i], &stage->positions[i]);
		stage->is_used |= stage->positions[i].fault != POSITION_NONE;
		stage->lag += stage->positions[i].lag;
		stage->fault_count += stage->positions[i].fault > POSITION_NONE;
	}
	return NULL;
}

struct err *status_positions_read(struct status_positions *positions, const struct conf *conf,
				  const struct client_options *client)
{
	struct err *err = NULL;
	*positions = (struct status_positions){ .stages[0].stage = NULL };
	for (size_t i = 0; err == NULL && i < STAGE_COUNT; i++) {
		positions->stages[i].stage = stage_names[i];
		err = read_stage(&positions->stages[i], conf, client);
	}
	if (err != NULL)
		status_positions_fini(positions);
	return err;
}

void status_positions_fini(struct status_positions *positions)
{
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		group_view_fini(&positions->stages[i].view);
		free(positions->stages[i].positions);
		positions->stages[i].positions = NULL;
	}
}
