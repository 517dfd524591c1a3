#include "kafka/fence.h"

#include <string.h>

/* The group looks for dead members now and then only. */
enum { EXPIRY_MARGIN_MS = 2000 };

enum fence_verdict fence_judge(const struct fence_view *view)
{
	if (*view->holder == '\0' || strcmp(view->own, view->holder) == 0)
		return FENCE_OWN;
	if (*view->own != '\0' || view->since_ms > view->session_ms + EXPIRY_MARGIN_MS)
		return FENCE_RIVAL;
	return FENCE_WAIT;
}
