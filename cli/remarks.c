#include "cli/remarks.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "cli/identity_totals.h"
#include "consumers/stages.h"
#include "consumers/topics.h"
#include "runtime/names.h"

size_t remarks_empty_inputs(const struct group_view *inputs, const char *before, FILE *out)
{
	size_t named = 0;
	for (size_t first = 0, next; first < inputs->position_count; first = next) {
		const char *topic = inputs->positions[first].topic;
		size_t empty = 0;
		for (next = first; next < inputs->position_count &&
				   strcmp(inputs->positions[next].topic, topic) == 0;
		     next++)
			empty += inputs->positions[next].end == 0;
		if (empty > 0)
			fprintf(out, "%s%s (%zu of %zu partitions)", named++ == 0 ? before : ", ",
				topic, empty, next - first);
	}
	return named;
}

/* The ends of what `topics` hold, seen beside the positions of the resolve stage. */
static struct err *look_at(const struct conf *conf, const struct client_options *client,
			   const char *const *topics, size_t count, struct group_view *view)
{
	char group[NAME_LEN_MAX + 1];
	names_output(conf_string(conf, "app.id"), stage_names[STAGE_RESOLVE], group);
	return group_view_read(client, group, topics, count, view);
}

static struct err *tell_waiting(const struct conf *conf, const struct client_options *client,
				FILE *out)
{
	struct identity_totals totals;
	struct err *err = identity_totals_read(conf, client, &totals);
	if (err == NULL && totals.waiting > 0)
		fprintf(out, "%" PRId64 " events wait for their account until time goes on\n",
			totals.waiting);
	return err;
}

static void tell_no_forecast(const struct conf *conf, FILE *out)
{
	size_t count = 0;
	(void)conf_list(conf, "identity.accounts", &count);
	fputs("no forecast has been made yet: that takes some closed periods with events in them",
	      out);
	if (count == 0)
		fputs("; names that no event links are no accounts while a history goes by, and "
		      "what they did comes too late for it, unless identity.accounts names their "
		      "scheme, e.g. erp.customer",
		      out);
	fputc('\n', out);
}

struct err *remarks_at_end(const struct conf *conf, const struct client_options *client, FILE *out)
{
	struct group_view view = { .position_count = 0 };
	char topic[TOPIC_NAME_MAX + 1];
	const char *const forecasts[] = { topic };
	size_t count = 0;
	const char *const *inputs = conf_list(conf, "inputs", &count);
	struct err *err = look_at(conf, client, inputs, count, &view);
	if (err != NULL)
		return err;
	size_t empty = remarks_empty_inputs(&view, "no record has ever come to ", out);
	group_view_fini(&view);
	if (empty > 0) {
		fputs(": with clock=data they hold time back; leave them out of `inputs`, or bring "
		      "something into them\n",
		      out);
		return tell_waiting(conf, client, out);
	}
	topics_name(conf_string(conf, "app.id"), "forecasts", topic);
	err = look_at(conf, client, forecasts, 1, &view);
	if (err != NULL)
		return err;
	bool made = false;
	for (size_t i = 0; i < view.position_count; i++)
		made = made || view.positions[i].end > 0;
	group_view_fini(&view);
	if (!made)
		tell_no_forecast(conf, out);
	return NULL;
}
