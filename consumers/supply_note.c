#include "consumers/supply_note.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/dmath.h"

enum { WRITER_NAME_MAX = 32 };

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

static struct bytes writer_name(const struct origin *origin, char name[WRITER_NAME_MAX])
{
	int len = snprintf(name, WRITER_NAME_MAX, "%s/%" PRId32, points_log, origin->partition);
	return bytes_of(name, (size_t)len);
}

void supply_tell_clock(const struct network *network, const struct origin *origin, int64_t clock_ms,
		       struct effects *effects)
{
	char name[WRITER_NAME_MAX];
	const struct control tick = { .kind = CONTROL_TICK,
				      .writer = writer_name(origin, name),
				      .at_ms = clock_ms,
				      .ingest_ms = origin->ingest_ms };
	if (network->is_given)
		effects_tell_all(effects, supply_topic, tick.writer, &control_type, &tick);
}

void supply_tell_inputs(const struct network *network, const struct origin *origin,
			int32_t partition_count, struct effects *effects)
{
	char name[WRITER_NAME_MAX];
	struct control inputs = { .kind = CONTROL_INPUTS,
				  .writer = bytes_str(""),
				  .input_count = 1 };
	inputs.inputs[0] = (struct control_input){ bytes_str(points_log), partition_count };
	if (network->is_given)
		effects_tell_all(effects, supply_topic, writer_name(origin, name), &control_type,
				 &inputs);
}
