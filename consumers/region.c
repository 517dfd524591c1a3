#include "consumers/region.h"

#include <string.h>

#include "base/dmath.h"
#include "base/timestamp.h"

/* An offer that does not say when it ends is taken to run so long. */
enum { OFFER_DAYS = 30 };

bool region_is_subject(const struct source_event *event)
{
	return bytes_equal(event->subject_scheme, bytes_str("region"));
}

static void add_offer(struct region_state *region, const struct source_event *event, int64_t offset)
{
	const struct market_promotion *told = &event->market.promotion;
	if (region->offer_count == REGION_OFFERS_MAX)
		memmove(region->offers, region->offers + 1,
			--region->offer_count * sizeof region->offers[0]);
	struct region_offer *offer = &region->offers[region->offer_count++];
	double percent = told->has_discount_percent ? told->discount_percent : 10;
	*offer = (struct region_offer){
		.offset = offset,
		.start_ms = told->has_starts_ms && time_is_event(told->starts_ms) ? told->starts_ms
										  : event->event_ms,
		.percent = dm_clamp(percent, 0, 100),
	};
	offer->end_ms = told->has_ends_ms && time_is_event(told->ends_ms)
				? told->ends_ms
				: offer->start_ms + OFFER_DAYS * MS_PER_DAY;
}

static void add_climate(struct region_state *region, const struct source_event *event,
			int64_t offset)
{
	double value = (event->value - 100) / 10;
	if (!dm_is_finite(value))
		return;
	if (region->climate_count == REGION_CLIMATES_MAX)
		memmove(region->climates, region->climates + 1,
			--region->climate_count * sizeof region->climates[0]);
	region->climates[region->climate_count++] =
		(struct region_climate){ offset, dm_clamp(value, -5, 5) };
}

void region_add(struct region_state *region, const struct source_event *event, int64_t offset)
{
	if (!event->has_market)
		return;
	if (event->market.has_promotion)
		add_offer(region, event, offset);
	else if (event->has_value && bytes_equal(event->type, bytes_str("market.indicator")) &&
		 bytes_equal(event->name, bytes_str("business-climate")))
		add_climate(region, event, offset);
}

void region_read(const struct region_state *region, int64_t offset, int64_t now_ms,
		 struct surroundings *out)
{
	*out = (struct surroundings){ 0 };
	if (region == NULL)
		return;
	for (size_t i = 0; i < region->offer_count; i++) {
		const struct region_offer *offer = &region->offers[i];
		if (offer->offset > offset || offer->start_ms > now_ms)
			continue;
		double ago = (double)(now_ms - offer->start_ms) / (double)MS_PER_DAY;
		out->promotions += offer->percent * dm_exp(-ago / 90);
		if (offer->end_ms <= now_ms)
			continue;
		out->promotion = offer->percent;
		out->promotion_days = (double)(offer->end_ms - now_ms) / (double)MS_PER_DAY;
	}
	for (size_t i = 0; i < region->climate_count; i++)
		if (region->climates[i].offset <= offset)
			out->climate = region->climates[i].value;
}

void region_to_record(const struct region_state *region, struct region_record *record)
{
	record->offer_count = region->offer_count;
	record->climate_count = region->climate_count;
	for (size_t i = 0; i < region->offer_count; i++)
		record->offers[i] = (struct region_offer_record){ region->offers[i].offset,
								  region->offers[i].start_ms,
								  region->offers[i].end_ms,
								  region->offers[i].percent };
	for (size_t i = 0; i < region->climate_count; i++)
		record->climates[i] = (struct region_climate_record){ region->climates[i].offset,
								      region->climates[i].value };
}

void region_from_record(const struct region_record *record, struct region_state *region)
{
	region->offer_count = record->offer_count;
	region->climate_count = record->climate_count;
	for (size_t i = 0; i < record->offer_count; i++)
		region->offers[i] =
			(struct region_offer){ record->offers[i].offset, record->offers[i].start_ms,
					       record->offers[i].end_ms,
					       record->offers[i].percent };
	for (size_t i = 0; i < record->climate_count; i++)
		region->climates[i] = (struct region_climate){ record->climates[i].offset,
							       record->climates[i].value };
}
