#include "schemas/event_types.h"

#include <stdio.h>

#include "base/conf.h"
#include "schemas/types.h"

#define CRM	  &crm_event_type
#define ERP	  &erp_event_type
#define IOT	  &iot_event_type
#define MARKETING &marketing_event_type
#define SUPPORT	  &support_event_type
#define CONTENT	  &content_event_type
#define MARKET	  &market_event_type

const struct event_type event_types[] = {
	{ "crm.account.created", "account", CRM },
	{ "crm.account.changed", "account", CRM },
	{ "crm.account.merged", "account", CRM },
	{ "crm.owner.changed", "account", CRM },
	{ "crm.territory.changed", "account", CRM },
	{ "crm.contact.created", "contact", CRM },
	{ "crm.contact.changed", "contact", CRM },
	{ "crm.contact.merged", "contact", CRM },
	{ "crm.opportunity.created", "opportunity", CRM },
	{ "crm.opportunity.stage", "opportunity", CRM },
	{ "crm.opportunity.amount", "opportunity", CRM },
	{ "crm.opportunity.won", "opportunity", CRM },
	{ "crm.opportunity.lost", "opportunity", CRM },
	{ "crm.activity.call", "activity", CRM },
	{ "crm.activity.meeting", "activity", CRM },
	{ "crm.activity.mail", "activity", CRM },
	{ "erp.customer.created", "customer", ERP },
	{ "erp.customer.changed", "customer", ERP },
	{ "erp.credit.limit", "customer", ERP },
	{ "erp.order", "order", ERP },
	{ "erp.order.line", "line", ERP },
	{ "erp.shipment.planned", "shipment", ERP },
	{ "erp.shipment.dispatched", "shipment", ERP },
	{ "erp.shipment.delivered", "shipment", ERP },
	{ "erp.invoice", "invoice", ERP },
	{ "erp.payment", "invoice", ERP },
	{ "erp.overdue", "invoice", ERP },
	{ "erp.return", "returned", ERP },
	{ "erp.stock", "stock", ERP },
	{ "erp.price", "price", ERP },
	{ "erp.rebate", "price", ERP },
	{ "iot.device.registered", "device", IOT },
	{ "iot.firmware", "device", IOT },
	{ "iot.reading", NULL, IOT },
	{ "iot.status", "status", IOT },
	{ "iot.error", "status", IOT },
	{ "iot.charging", "charging", IOT },
	{ "marketing.touch", "touch", MARKETING },
	{ "marketing.mail.opened", "touch", MARKETING },
	{ "marketing.mail.clicked", "touch", MARKETING },
	{ "marketing.unsubscribed", "touch", MARKETING },
	{ "marketing.visit", "visit", MARKETING },
	{ "marketing.form", "form", MARKETING },
	{ "product.feature", "feature", MARKETING },
	{ "product.trial", "subscription", MARKETING },
	{ "product.subscription", "subscription", MARKETING },
	{ "product.renewal", "subscription", MARKETING },
	{ "support.ticket.opened", "ticket", SUPPORT },
	{ "support.ticket.escalated", "ticket", SUPPORT },
	{ "support.ticket.answered", "ticket", SUPPORT },
	{ "support.ticket.closed", "ticket", SUPPORT },
	{ "support.satisfaction", "ticket", SUPPORT },
	{ "content.shown", "item", CONTENT },
	{ "content.opened", "item", CONTENT },
	{ "content.shared", "item", CONTENT },
	{ "market.promotion", "promotion", MARKET },
	{ "market.price.index", "indicator", MARKET },
	{ "market.indicator", "indicator", MARKET },
};

enum { TYPE_COUNT = sizeof event_types / sizeof event_types[0] };
const size_t event_type_count = TYPE_COUNT;

const struct event_source event_sources[EVENT_SOURCE_COUNT] = {
	{ "crm.events", "foretell.CrmEvent", CRM },
	{ "erp.events", "foretell.ErpEvent", ERP },
	{ "iot.events", "foretell.IotEvent", IOT },
	{ "marketing.events", "foretell.MarketingEvent", MARKETING },
	{ "support.events", "foretell.SupportEvent", SUPPORT },
	{ "content.events", "foretell.ContentEvent", CONTENT },
	{ "market.events", "foretell.MarketEvent", MARKET },
};

const struct event_type *event_type_find(struct bytes name)
{
	for (size_t i = 0; i < TYPE_COUNT; i++)
		if (bytes_equal(name, bytes_str(event_types[i].name)))
			return &event_types[i];
	return NULL;
}

const char *event_type_nearest(struct bytes name)
{
	const char *names[TYPE_COUNT];
	char text[EVENT_TYPE_MAX + 1];
	for (size_t i = 0; i < TYPE_COUNT; i++)
		names[i] = event_types[i].name;
	snprintf(text, sizeof text, "%.*s", name.len < EVENT_TYPE_MAX ? (int)name.len : 0,
		 (const char *)name.data);
	return conf_nearest(text, names, TYPE_COUNT);
}

const struct event_source *event_source_find(const char *name)
{
	for (size_t i = 0; i < EVENT_SOURCE_COUNT; i++) {
		const char *topic = event_sources[i].topic;
		size_t len = strlen(name), topic_len = strlen(topic);
		if (strcmp(name, topic) == 0 || strcmp(name, event_sources[i].schema->name) == 0 ||
		    (len > topic_len && name[len - topic_len - 1] == '.' &&
		     strcmp(name + len - topic_len, topic) == 0))
			return &event_sources[i];
	}
	return NULL;
}

const struct record_type *event_source_schema(const char *record_name)
{
	for (size_t i = 0; i < EVENT_SOURCE_COUNT; i++)
		if (strcmp(event_sources[i].record_name, record_name) == 0)
			return event_sources[i].schema;
	return NULL;
}

const struct event_source *event_source_of(const struct record_type *schema)
{
	for (size_t i = 0; i < EVENT_SOURCE_COUNT; i++)
		if (event_sources[i].schema == schema)
			return &event_sources[i];
	return NULL;
}

static const struct field *find_field(const struct record_type *type, const char *name)
{
	for (size_t i = 0; i < type->field_count; i++)
		if (strcmp(type->fields[i].name, name) == 0)
			return &type->fields[i];
	return NULL;
}

const struct field *event_payload_field(const struct record_type *schema)
{
	return find_field(schema, "payload");
}

const struct field *event_block_field(const struct record_type *schema, const char *block)
{
	const struct field *payload = event_payload_field(schema);
	return payload == NULL ? NULL : find_field(payload->type, block);
}
