#include "schemas/payloads.h"

#include "schemas/rows.h"

/* One row a line, in the order of the .avsc. clang-format would fill the lines. */
/* clang-format off */

#define OPT(s, member) OPT_TEXT(s, #member, member)
#define OPT_LONG(s, member) OPT_NUM(s, #member, member, has_##member, FIELD_LONG)
#define OPT_DOUBLE(s, member) OPT_NUM(s, #member, member, has_##member, FIELD_DOUBLE)
#define BLOCK(s, member, block_type) OPT_RECORD(s, #member, member, has_##member, block_type)

static const struct field crm_account_fields[] = {
	OPT(crm_account, name),
	OPT(crm_account, country),
	OPT(crm_account, region),
	OPT(crm_account, industry),
	OPT(crm_account, segment),
	OPT_LONG(crm_account, employees),
	OPT(crm_account, owner),
	OPT(crm_account, territory),
	OPT(crm_account, merged_into),
};
static TYPE(crm_account_type, "CrmAccount", crm_account, crm_account_fields);

static const struct field crm_contact_fields[] = {
	TEXT(crm_contact, contact_id),
	OPT(crm_contact, role),
	OPT(crm_contact, language),
	OPT(crm_contact, merged_into),
};
static TYPE(crm_contact_type, "CrmContact", crm_contact, crm_contact_fields);

static const struct field crm_opportunity_fields[] = {
	TEXT(crm_opportunity, opportunity_id),
	OPT(crm_opportunity, stage_before),
	OPT_LONG(crm_opportunity, amount_before_minor),
	OPT_DOUBLE(crm_opportunity, probability),
	OPT_LONG(crm_opportunity, close_ms),
	OPT(crm_opportunity, owner),
	OPT(crm_opportunity, product),
	OPT(crm_opportunity, reason),
	OPT(crm_opportunity, competitor),
};
static TYPE(crm_opportunity_type, "CrmOpportunity", crm_opportunity, crm_opportunity_fields);

static const struct field crm_activity_fields[] = {
	TEXT(crm_activity, activity_id),
	OPT(crm_activity, direction),
	OPT_LONG(crm_activity, duration_s),
	OPT(crm_activity, opportunity_id),
	OPT(crm_activity, contact_id),
	OPT(crm_activity, owner),
	OPT(crm_activity, outcome),
};
static TYPE(crm_activity_type, "CrmActivity", crm_activity, crm_activity_fields);

static const struct field crm_payload_fields[] = {
	BLOCK(crm_payload, account, crm_account_type),
	BLOCK(crm_payload, contact, crm_contact_type),
	BLOCK(crm_payload, opportunity, crm_opportunity_type),
	BLOCK(crm_payload, activity, crm_activity_type),
};
TYPE(crm_payload_type, "CrmPayload", crm_payload, crm_payload_fields);

static const struct field erp_customer_fields[] = {
	OPT(erp_customer, name),
	OPT(erp_customer, country),
	OPT(erp_customer, region),
	OPT_LONG(erp_customer, payment_terms_days),
	OPT_LONG(erp_customer, credit_limit_minor),
	OPT(erp_customer, credit_currency),
};
static TYPE(erp_customer_type, "ErpCustomer", erp_customer, erp_customer_fields);

static const struct field erp_order_fields[] = {
	TEXT(erp_order, order_id),
	OPT(erp_order, site),
	OPT_LONG(erp_order, line_count),
	OPT_LONG(erp_order, requested_ms),
	OPT_LONG(erp_order, list_minor),
	OPT_LONG(erp_order, rebate_minor),
	OPT(erp_order, opportunity_id),
	OPT(erp_order, sales_person),
};
static TYPE(erp_order_type, "ErpOrder", erp_order, erp_order_fields);

static const struct field erp_order_line_fields[] = {
	TEXT(erp_order_line, order_id),
	OPT_LONG(erp_order_line, line_number),
	OPT(erp_order_line, sku),
	OPT_DOUBLE(erp_order_line, quantity),
	OPT(erp_order_line, unit),
	OPT_LONG(erp_order_line, list_price_minor),
	OPT_LONG(erp_order_line, net_price_minor),
};
static TYPE(erp_order_line_type, "ErpOrderLine", erp_order_line, erp_order_line_fields);

static const struct field erp_shipment_fields[] = {
	TEXT(erp_shipment, shipment_id),
	OPT(erp_shipment, order_id),
	OPT(erp_shipment, site),
	OPT(erp_shipment, ship_to_country),
	OPT(erp_shipment, ship_to_region),
	OPT_LONG(erp_shipment, promised_ms),
	OPT_LONG(erp_shipment, delivered_ms),
	OPT(erp_shipment, carrier),
	OPT_DOUBLE(erp_shipment, weight_kg),
};
static TYPE(erp_shipment_type, "ErpShipment", erp_shipment, erp_shipment_fields);

static const struct field erp_invoice_fields[] = {
	TEXT(erp_invoice, invoice_id),
	OPT(erp_invoice, order_id),
	OPT_LONG(erp_invoice, due_ms),
	OPT_LONG(erp_invoice, open_minor),
	OPT_LONG(erp_invoice, overdue_days),
};
static TYPE(erp_invoice_type, "ErpInvoice", erp_invoice, erp_invoice_fields);

static const struct field erp_return_fields[] = {
	TEXT(erp_return, return_id),
	OPT(erp_return, order_id),
	OPT(erp_return, sku),
	OPT(erp_return, reason),
};
static TYPE(erp_return_type, "ErpReturn", erp_return, erp_return_fields);

static const struct field erp_stock_fields[] = {
	TEXT(erp_stock, site),
	TEXT(erp_stock, sku),
	OPT_DOUBLE(erp_stock, level),
	OPT(erp_stock, unit),
	OPT_DOUBLE(erp_stock, reorder_level),
};
static TYPE(erp_stock_type, "ErpStock", erp_stock, erp_stock_fields);

static const struct field erp_price_fields[] = {
	OPT(erp_price, sku),
	OPT_LONG(erp_price, list_price_minor),
	OPT_LONG(erp_price, net_price_minor),
	OPT(erp_price, price_currency),
	OPT_DOUBLE(erp_price, rebate_percent),
	OPT_DOUBLE(erp_price, change_percent),
	OPT_LONG(erp_price, valid_from_ms),
};
static TYPE(erp_price_type, "ErpPrice", erp_price, erp_price_fields);

static const struct field erp_payload_fields[] = {
	BLOCK(erp_payload, customer, erp_customer_type),
	BLOCK(erp_payload, order, erp_order_type),
	BLOCK(erp_payload, line, erp_order_line_type),
	BLOCK(erp_payload, shipment, erp_shipment_type),
	BLOCK(erp_payload, invoice, erp_invoice_type),
	BLOCK(erp_payload, returned, erp_return_type),
	BLOCK(erp_payload, stock, erp_stock_type),
	BLOCK(erp_payload, price, erp_price_type),
};
TYPE(erp_payload_type, "ErpPayload", erp_payload, erp_payload_fields);

static const struct field iot_device_fields[] = {
	TEXT(iot_device, device_id),
	OPT(iot_device, kind),
	OPT(iot_device, model),
	OPT(iot_device, firmware),
	OPT(iot_device, firmware_before),
	OPT(iot_device, region),
};
static TYPE(iot_device_type, "IotDevice", iot_device, iot_device_fields);

static const struct field iot_status_fields[] = {
	OPT(iot_status, state),
	OPT(iot_status, error_code),
	OPT(iot_status, severity),
	OPT_LONG(iot_status, down_s),
};
static TYPE(iot_status_type, "IotStatus", iot_status, iot_status_fields);

static const struct field iot_charging_fields[] = {
	TEXT(iot_charging, session_id),
	OPT(iot_charging, station_id),
	OPT(iot_charging, vehicle_id),
	OPT(iot_charging, region),
	OPT_DOUBLE(iot_charging, energy_kwh),
	OPT_LONG(iot_charging, duration_s),
	OPT_DOUBLE(iot_charging, peak_kw),
};
static TYPE(iot_charging_type, "IotCharging", iot_charging, iot_charging_fields);

static const struct field iot_payload_fields[] = {
	BLOCK(iot_payload, device, iot_device_type),
	BLOCK(iot_payload, status, iot_status_type),
	BLOCK(iot_payload, charging, iot_charging_type),
};
TYPE(iot_payload_type, "IotPayload", iot_payload, iot_payload_fields);

static const struct field marketing_touch_fields[] = {
	OPT(marketing_touch, channel),
	OPT(marketing_touch, content_id),
	OPT(marketing_touch, link),
};
static TYPE(marketing_touch_type, "MarketingTouch", marketing_touch, marketing_touch_fields);

static const struct field web_visit_fields[] = {
	OPT(web_visit, page),
	OPT(web_visit, referrer),
	OPT_LONG(web_visit, duration_s),
	OPT_LONG(web_visit, page_count),
};
static TYPE(web_visit_type, "WebVisit", web_visit, web_visit_fields);

static const struct field web_form_fields[] = {
	TEXT(web_form, form_id),
	OPT(web_form, company),
	OPT(web_form, country),
	OPT(web_form, job_title),
};
static TYPE(web_form_type, "WebForm", web_form, web_form_fields);

static const struct field feature_use_fields[] = {
	TEXT(feature_use, feature),
	OPT_LONG(feature_use, use_count),
	OPT_LONG(feature_use, seats_active),
};
static TYPE(feature_use_type, "FeatureUse", feature_use, feature_use_fields);

static const struct field subscription_fields[] = {
	TEXT(subscription, subscription_id),
	OPT(subscription, plan),
	OPT_LONG(subscription, seats),
	OPT_LONG(subscription, seats_before),
	OPT_LONG(subscription, trial_ends_ms),
	OPT_LONG(subscription, renewal_ms),
	OPT_LONG(subscription, cancelled_ms),
};
static TYPE(subscription_type, "Subscription", subscription, subscription_fields);

static const struct field marketing_payload_fields[] = {
	BLOCK(marketing_payload, touch, marketing_touch_type),
	BLOCK(marketing_payload, visit, web_visit_type),
	BLOCK(marketing_payload, form, web_form_type),
	BLOCK(marketing_payload, feature, feature_use_type),
	BLOCK(marketing_payload, subscription, subscription_type),
};
TYPE(marketing_payload_type, "MarketingPayload", marketing_payload, marketing_payload_fields);

static const struct field support_ticket_fields[] = {
	TEXT(support_ticket, ticket_id),
	OPT(support_ticket, priority),
	OPT(support_ticket, category),
	OPT(support_ticket, channel),
	OPT(support_ticket, agent),
	OPT_LONG(support_ticket, response_s),
	OPT_LONG(support_ticket, resolution_s),
	OPT_DOUBLE(support_ticket, score_max),
};
static TYPE(support_ticket_type, "SupportTicket", support_ticket, support_ticket_fields);

static const struct field support_payload_fields[] = {
	BLOCK(support_payload, ticket, support_ticket_type),
};
TYPE(support_payload_type, "SupportPayload", support_payload, support_payload_fields);

static const struct field content_item_fields[] = {
	TEXT(content_item, content_id),
	OPT(content_item, title),
	OPT(content_item, kind),
	OPT(content_item, opportunity_id),
	OPT(content_item, owner),
	OPT_LONG(content_item, duration_s),
	OPT_LONG(content_item, page_count),
};
static TYPE(content_item_type, "ContentItem", content_item, content_item_fields);

static const struct field content_payload_fields[] = {
	BLOCK(content_payload, item, content_item_type),
};
TYPE(content_payload_type, "ContentPayload", content_payload, content_payload_fields);

static const struct field market_promotion_fields[] = {
	TEXT(market_promotion, competitor),
	OPT(market_promotion, product),
	OPT_DOUBLE(market_promotion, discount_percent),
	OPT_LONG(market_promotion, starts_ms),
	OPT_LONG(market_promotion, ends_ms),
};
static TYPE(market_promotion_type, "MarketPromotion", market_promotion, market_promotion_fields);

static const struct field market_indicator_fields[] = {
	OPT(market_indicator, publisher),
	OPT(market_indicator, period),
	OPT_LONG(market_indicator, period_start_ms),
	OPT(market_indicator, base),
};
static TYPE(market_indicator_type, "MarketIndicator", market_indicator, market_indicator_fields);

static const struct field market_payload_fields[] = {
	BLOCK(market_payload, promotion, market_promotion_type),
	BLOCK(market_payload, indicator, market_indicator_type),
};
TYPE(market_payload_type, "MarketPayload", market_payload, market_payload_fields);
