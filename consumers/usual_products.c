#include "consumers/usual_products.h"

#include <string.h>

#include "base/timestamp.h"

static int64_t day_of(int64_t ms)
{
	return time_floor(ms, MS_PER_DAY, 0);
}

static struct bytes name_of(const struct usual_product *product)
{
	return bytes_of(product->name, product->len);
}

/* Absent: the event is of no order, or names no product. */
static struct bytes ordered_in(const struct source_event *event)
{
	struct bytes product = bytes_of(NULL, 0);
	if (bytes_equal(event->type, bytes_str("erp.order.line")) && event->has_erp &&
	    event->erp.has_line)
		product = event->erp.line.sku;
	else if (bytes_equal(event->type, bytes_str("erp.order")))
		for (size_t i = 0; i < event->attr_count; i++)
			if (bytes_equal(event->attrs[i].key, bytes_str("product")))
				product = event->attrs[i].value;
	return bytes_cut(product, PRODUCT_LEN_MAX);
}

static void drop_empty(struct usual_products *usual)
{
	size_t kept = 0;
	for (size_t i = 0; i < usual->count; i++)
		if (usual->products[i].order_count > 0)
			usual->products[kept++] = usual->products[i];
	memset(&usual->products[kept], 0, (usual->count - kept) * sizeof usual->products[0]);
	usual->count = kept;
}

void usual_products_add(struct usual_products *usual, const struct source_event *event,
			int64_t day_count)
{
	struct bytes name = ordered_in(event);
	if (name.len == 0)
		return;
	for (size_t i = 0; i < usual->count; i++) {
		struct usual_product *product = &usual->products[i];
		if (!bytes_equal(name_of(product), name))
			continue;
		if (day_of(event->event_ms) > day_of(product->last_ms)) {
			product->order_count += product->order_count < INT32_MAX;
			product->last_ms = event->event_ms;
		}
		return;
	}
	if (usual->count < USUAL_PRODUCTS_MAX) {
		struct usual_product *product = &usual->products[usual->count++];
		*product = (struct usual_product){ .len = (uint8_t)name.len,
						   .order_count = 1,
						   .since_count = day_count,
						   .last_ms = event->event_ms };
		memcpy(product->name, name.data, name.len);
		return;
	}
	for (size_t i = 0; i < usual->count; i++)
		usual->products[i].order_count--;
	drop_empty(usual);
}

const struct usual_product *usual_products_missing(const struct usual_products *usual,
						   int64_t last_order_ms, int64_t day_count,
						   double *share)
{
	const struct usual_product *best = NULL;
	*share = 0;
	for (size_t i = 0; i < usual->count; i++) {
		const struct usual_product *product = &usual->products[i];
		/* the last order is counted, and lacks it */
		double orders = (double)(day_count - product->since_count);
		if (product->order_count < USUAL_ORDERS_MIN || orders < 1 ||
		    day_of(product->last_ms) >= day_of(last_order_ms))
			continue;
		double of = (double)product->order_count / orders;
		if (of < USUAL_SHARE || of <= *share)
			continue;
		*share = of > 1 ? 1 : of;
		best = product;
	}
	return best;
}

/* Both counted it: its days add up, and so do the days with orders before it came, of which each
 * account had left out the one on which it did. */
static void add_up(struct usual_product *into, const struct usual_product *from)
{
	into->order_count = into->order_count > INT32_MAX - from->order_count
				    ? INT32_MAX
				    : into->order_count + from->order_count;
	into->since_count += from->since_count - 1;
	into->last_ms = into->last_ms > from->last_ms ? into->last_ms : from->last_ms;
}

static bool is_before(const struct usual_product *a, const struct usual_product *b)
{
	if (a->order_count != b->order_count)
		return a->order_count > b->order_count;
	return bytes_compare(name_of(a), name_of(b)) < 0;
}

void usual_products_merge(struct usual_products *into, const struct usual_products *from)
{
	struct usual_product all[2 * USUAL_PRODUCTS_MAX + 1] = { 0 };
	size_t count = into->count;
	memcpy(all, into->products, count * sizeof all[0]);
	for (size_t i = 0; i < from->count; i++) {
		size_t same = 0;
		while (same < into->count &&
		       !bytes_equal(name_of(&all[same]), name_of(&from->products[i])))
			same++;
		if (same < into->count)
			add_up(&all[same], &from->products[i]);
		else
			all[count++] = from->products[i];
	}
	for (size_t i = 1; i < count; i++)
		for (size_t k = i; k > 0 && is_before(&all[k], &all[k - 1]); k--) {
			struct usual_product other = all[k];
			all[k] = all[k - 1];
			all[k - 1] = other;
		}
	into->count = count < USUAL_PRODUCTS_MAX ? count : USUAL_PRODUCTS_MAX;
	for (size_t i = 0; i < into->count; i++) {
		into->products[i] = all[i];
		into->products[i].order_count -= all[USUAL_PRODUCTS_MAX].order_count;
	}
	drop_empty(into);
}

void usual_products_to_record(const struct usual_products *usual,
			      struct relationship_record *record)
{
	record->product_count = usual->count;
	for (size_t i = 0; i < usual->count; i++) {
		const struct usual_product *from = &usual->products[i];
		record->products[i] =
			(struct usual_product_record){ name_of(from), from->order_count,
						       from->since_count, from->last_ms };
	}
}

void usual_products_from_record(const struct relationship_record *record,
				struct usual_products *usual)
{
	*usual = (struct usual_products){ 0 };
	for (size_t i = 0; i < record->product_count && i < USUAL_PRODUCTS_MAX; i++) {
		const struct usual_product_record *from = &record->products[i];
		if (from->product.len == 0 || from->product.len > PRODUCT_LEN_MAX)
			continue;
		struct usual_product *to = &usual->products[usual->count++];
		*to = (struct usual_product){ .len = (uint8_t)from->product.len,
					      .order_count = from->order_count,
					      .since_count = from->since_count,
					      .last_ms = from->last_ms };
		memcpy(to->name, from->product.data, from->product.len);
	}
}
