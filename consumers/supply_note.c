#include "consumers/supply_note.h"

#include "base/dmath.h"
#include "runtime/relay.h"

static const char supply_topic[] = "supply.events";
static const char points_log[] = "series.points"; /* without app.id, as in all applications */

void supply_tell_stock(const struct network *network, const struct account_event *event,
		       struct effects *effects)
{
	const struct source_event *source = &event->event;
	const struct erp_stock *stock = &source->erp.stock;
	if (!network->is_given || !bytes_equal(source->type, bytes_str("erp.stock")) ||
	    !source->has_erp || !source->erp.has_stock || !stock->has_level ||
	    !dm_is_finite(stock->level))
		return;
	if (stock->sku.len == 0 || stock->sku.len > NETWORK_NAME_MAX ||
	    network_site(network, stock->site) < 0 || network_product(network, stock->sku) == NULL)
		return;
	const struct supply note = { .kind = SUPPLY_STOCK,
				     .product = stock->sku,
				     .place = stock->site,
				     .at_ms = source->event_ms,
				     .known_ms = event->effective_ms,
				     .unit = stock->unit,
				     .level = dm_clamp(stock->level, 0, 1e12) };
	/* keyed as the demand's points are: the forecast stage has both in one partition */
	effects_say(effects, points_log, bytes_str(network->definition), &supply_type, &note);
}

void supply_tell_demand(const struct network *network, const struct forecast *forecast,
			int64_t period_ms, struct effects *effects)
{
	static const double scales[SERIES_DECIMALS_MAX + 1] = { 1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6 };
	struct bytes region, product;
	if (!network->is_given ||
	    !bytes_equal(forecast->definition, bytes_str(network->definition)) ||
	    !network_split(network, forecast->dimension, &region, &product) ||
	    product.len > NETWORK_NAME_MAX || network_region(network, region) < 0 ||
	    network_product(network, product) == NULL)
		return;
	double scale = scales[forecast->decimals];
	const struct supply note = {
		.kind = SUPPLY_DEMAND,
		.product = product,
		.place = region,
		.at_ms = forecast->origin_ms,
		.known_ms = forecast->origin_ms,
		.unit = forecast->unit,
		.period_ms = period_ms,
		.horizon = forecast->horizon,
		.demand = { (double)forecast->lower_95 / scale, (double)forecast->lower_80 / scale,
			    (double)forecast->point / scale, (double)forecast->upper_80 / scale,
			    (double)forecast->upper_95 / scale }
	};
	effects_say(effects, supply_topic, note.product, &supply_type, &note);
}

void supply_tell_clock(const struct network *network, const struct origin *origin, int64_t clock_ms,
		       struct effects *effects)
{
	if (network->is_given)
		relay_clock(effects, supply_topic, points_log, origin, clock_ms);
}

void supply_tell_inputs(const struct network *network, const struct origin *origin,
			int32_t partition_count, struct effects *effects)
{
	if (network->is_given)
		relay_inputs(effects, supply_topic, points_log, partition_count, origin);
}
