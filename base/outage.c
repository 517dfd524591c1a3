#include "base/outage.h"

enum outage_news outage_look(struct outage *outage, bool failed, int64_t now_ms)
{
	bool was_told = outage->is_told;
	if (!failed && outage->since_ms != 0 && now_ms - outage->last_ms > OUTAGE_MS) {
		*outage = (struct outage){ 0 };
		return was_told ? OUTAGE_IS_OVER : OUTAGE_NO_NEWS;
	}
	if (!failed)
		return OUTAGE_NO_NEWS;
	if (outage->since_ms == 0)
		outage->since_ms = now_ms;
	outage->last_ms = now_ms;
	outage->is_told = was_told || now_ms - outage->since_ms >= OUTAGE_MS;
	return outage->is_told && !was_told ? OUTAGE_LASTS : OUTAGE_NO_NEWS;
}
