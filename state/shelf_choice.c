#include "state/shelf_choice.h"

enum shelf_fit shelf_fit(const struct shelf_position *position, const struct shelf_need *need)
{
	if (position->damaged)
		return SHELF_DAMAGED;
	if (!position->present)
		return position->version == 0 ? SHELF_ABSENT : SHELF_OTHER_FORMAT;
	if (need->cluster.len > 0 && !bytes_equal(position->cluster, need->cluster))
		return SHELF_OTHER_CLUSTER;
	if (position->fingerprint != need->fingerprint)
		return SHELF_OTHER_SETUP;
	if (position->logic_version != need->logic_version)
		return SHELF_OTHER_LOGIC;
	if (position->x > need->x || position->y > need->y || position->y > position->x)
		return SHELF_AHEAD;
	if (!need->replayable && (position->x != need->x || position->y < need->y))
		return SHELF_UNREPEATABLE;
	/* where nothing is to be read again, nothing need be there */
	if (position->y < need->low && position->y < need->x)
		return SHELF_NOT_RETAINED;
	return SHELF_USABLE;
}

const char *shelf_fit_text(enum shelf_fit fit)
{
	switch (fit) {
	case SHELF_DAMAGED: return "it is damaged";
	case SHELF_ABSENT: return "there is none";
	case SHELF_OTHER_FORMAT: return "another version of foretell wrote it";
	case SHELF_OTHER_CLUSTER: return "it belongs to another Kafka cluster";
	case SHELF_OTHER_SETUP: return "the set-up has changed";
	case SHELF_OTHER_LOGIC: return "another logic version made it";
	case SHELF_AHEAD: return "it is ahead of what is committed";
	case SHELF_UNREPEATABLE: return "it is behind what is committed";
	case SHELF_NOT_RETAINED: return "it is older than what the input retains";
	case SHELF_USABLE: return "it is in order";
	}
	return "";
}
