#include "cli/typed_topic.h"

#include <string.h>

#include "consumers/topics.h"

struct err *typed_topic_explain(struct err *err, const char *typed)
{
	if (err == NULL || strcmp(err_code(err), "BUS_TOPIC_MISSING") != 0)
		return err;
	const char *near = topics_near(typed);
	if (near == NULL || strcmp(near, typed) == 0 || topics_find_input(typed) != NULL)
		return err;
	err_free(&err);
	return err_new(ERR_FATAL, "BUS_TOPIC_MISSING", "there is no topic \"%s\"; did you mean %s?",
		       typed, near);
}
