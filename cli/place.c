#include "cli/place.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "cli/identity.h"

static struct err *make_folder(const char *path)
{
	if (mkdir(path, 0755) == 0 || errno == EEXIST)
		return NULL;
	return err_new(ERR_FATAL, "STATE_DIR",
		       "the state folder %s can't be made: %s. Make the folder that it is to be "
		       "in, or choose another (--state.dir)",
		       path, strerror(errno));
}

/* The configured name, else the one in the file beside the first store. */
static struct err *find_instance(const struct conf *conf, int number, struct place *place)
{
	const char *configured = conf_string(conf, "instance");
	char path[PLACE_PATH_MAX], identity[IDENTITY_LEN + 1];
	if (*configured == '\0') {
		snprintf(path, sizeof path, "%s/%s.instance", conf_string(conf, "state.dir"),
			 conf_string(conf, "app.id"));
		struct err *err = identity_load(path, identity);
		if (err != NULL)
			return err;
		configured = identity;
	}
	if (number == 1)
		snprintf(place->instance, sizeof place->instance, "%s", configured);
	else
		snprintf(place->instance, sizeof place->instance, "%s.worker-%d", configured,
			 number);
	return NULL;
}

struct err *place_open(const struct conf *conf, int number, size_t bytes, struct place *place)
{
	const char *folder = conf_string(conf, "state.dir"), *app = conf_string(conf, "app.id");
	if (number == 1)
		snprintf(place->path, sizeof place->path, "%s/%s", folder, app);
	else
		snprintf(place->path, sizeof place->path, "%s/%s.%d", folder, app, number);
	const struct store_options options = { .memory_bytes = bytes, .room_bytes = bytes };
	struct store_opened opened;
	struct err *err = make_folder(folder);
	if (err == NULL)
		err = store_open(place->path, &options, &opened, &place->store);
	if (err != NULL)
		return err;
	if (opened.damaged)
		log_emit(LOG_WARN, "run", "the state folder was damaged, it is rebuilt from Kafka",
			 "{s:s,s:s}", "folder", place->path, "reason", opened.reason);
	return find_instance(conf, number, place);
}

void place_close(struct place *place)
{
	store_close(&place->store);
}
