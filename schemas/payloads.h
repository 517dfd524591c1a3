/* What an event says beyond its envelope, as C structs: one for each source's payload, one for each
 * block within it. Which block belongs to which event type, what each field means, its unit and
 * what absence means is said in the .avsc of the source's event; here only what C adds.
 *
 * Texts are borrowed like all decoded ones; optional ones are absent with data == NULL. A block or
 * a number that is not required has a bool beside it. Times are int64 UTC ms, money int64 minor
 * units. */
#ifndef SCHEMAS_PAYLOADS_H
#define SCHEMAS_PAYLOADS_H

#include "schemas/record.h"

struct crm_account {
	struct bytes name, country, region, industry, segment, owner, territory, merged_into;
	bool has_employees;
	int64_t employees;
};

struct crm_contact {
	struct bytes contact_id, role, language, merged_into;
};

struct crm_opportunity {
	struct bytes opportunity_id, stage_before, owner, product, reason, competitor;
	bool has_amount_before_minor, has_probability, has_close_ms;
	int64_t amount_before_minor, close_ms;
	double probability;
};

struct crm_activity {
	struct bytes activity_id, direction, opportunity_id, contact_id, owner, outcome;
	bool has_duration_s;
	int64_t duration_s;
};

struct crm_payload {
	bool has_account, has_contact, has_opportunity, has_activity;
	struct crm_account account;
	struct crm_contact contact;
	struct crm_opportunity opportunity;
	struct crm_activity activity;
};

struct erp_customer {
	struct bytes name, country, region, credit_currency;
	bool has_payment_terms_days, has_credit_limit_minor;
	int64_t payment_terms_days, credit_limit_minor;
};

struct erp_order {
	struct bytes order_id, site, opportunity_id, sales_person;
	bool has_line_count, has_requested_ms, has_list_minor, has_rebate_minor;
	int64_t line_count, requested_ms, list_minor, rebate_minor;
};

struct erp_order_line {
	struct bytes order_id, sku, unit;
	bool has_line_number, has_quantity, has_list_price_minor, has_net_price_minor;
	int64_t line_number, list_price_minor, net_price_minor;
	double quantity;
};

struct erp_shipment {
	struct bytes shipment_id, order_id, site, ship_to_country, ship_to_region, carrier;
	bool has_promised_ms, has_delivered_ms, has_weight_kg;
	int64_t promised_ms, delivered_ms;
	double weight_kg;
};

struct erp_invoice {
	struct bytes invoice_id, order_id;
	bool has_due_ms, has_open_minor, has_overdue_days;
	int64_t due_ms, open_minor, overdue_days;
};

struct erp_return {
	struct bytes return_id, order_id, sku, reason;
};

struct erp_stock {
	struct bytes site, sku, unit;
	bool has_level, has_reorder_level;
	double level, reorder_level;
};

struct erp_price {
	struct bytes sku, price_currency;
	bool has_list_price_minor, has_net_price_minor, has_rebate_percent, has_change_percent,
		has_valid_from_ms;
	int64_t list_price_minor, net_price_minor, valid_from_ms;
	double rebate_percent, change_percent;
};

struct erp_payload {
	bool has_customer, has_order, has_line, has_shipment, has_invoice, has_returned, has_stock,
		has_price;
	struct erp_customer customer;
	struct erp_order order;
	struct erp_order_line line;
	struct erp_shipment shipment;
	struct erp_invoice invoice;
	struct erp_return returned;
	struct erp_stock stock;
	struct erp_price price;
};

struct iot_device {
	struct bytes device_id, kind, model, firmware, firmware_before, region;
};

struct iot_status {
	struct bytes state, error_code, severity;
	bool has_down_s;
	int64_t down_s;
};

struct iot_charging {
	struct bytes session_id, station_id, vehicle_id, region;
	bool has_energy_kwh, has_duration_s, has_peak_kw;
	int64_t duration_s;
	double energy_kwh, peak_kw;
};

struct iot_payload {
	bool has_device, has_status, has_charging;
	struct iot_device device;
	struct iot_status status;
	struct iot_charging charging;
};

struct marketing_touch {
	struct bytes channel, content_id, link;
};

struct web_visit {
	struct bytes page, referrer;
	bool has_duration_s, has_page_count;
	int64_t duration_s, page_count;
};

struct web_form {
	struct bytes form_id, company, country, job_title;
};

struct feature_use {
	struct bytes feature;
	bool has_use_count, has_seats_active;
	int64_t use_count, seats_active;
};

struct subscription {
	struct bytes subscription_id, plan;
	bool has_seats, has_seats_before, has_trial_ends_ms, has_renewal_ms, has_cancelled_ms;
	int64_t seats, seats_before, trial_ends_ms, renewal_ms, cancelled_ms;
};

struct marketing_payload {
	bool has_touch, has_visit, has_form, has_feature, has_subscription;
	struct marketing_touch touch;
	struct web_visit visit;
	struct web_form form;
	struct feature_use feature;
	struct subscription subscription;
};

struct support_ticket {
	struct bytes ticket_id, priority, category, channel, agent;
	bool has_response_s, has_resolution_s, has_score_max;
	int64_t response_s, resolution_s;
	double score_max;
};

struct support_payload {
	bool has_ticket;
	struct support_ticket ticket;
};

struct content_item {
	struct bytes content_id, title, kind, opportunity_id, owner;
	bool has_duration_s, has_page_count;
	int64_t duration_s, page_count;
};

struct content_payload {
	bool has_item;
	struct content_item item;
};

struct market_promotion {
	struct bytes competitor, product;
	bool has_discount_percent, has_starts_ms, has_ends_ms;
	int64_t starts_ms, ends_ms;
	double discount_percent;
};

struct market_indicator {
	struct bytes publisher, period, base;
	bool has_period_start_ms;
	int64_t period_start_ms;
};

struct market_payload {
	bool has_promotion, has_indicator;
	struct market_promotion promotion;
	struct market_indicator indicator;
};

extern const struct record_type crm_payload_type, erp_payload_type, iot_payload_type,
	marketing_payload_type, support_payload_type, content_payload_type, market_payload_type;

#endif
