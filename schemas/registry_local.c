#include "schemas/registry_local.h"

#include <stddef.h>
#include <string.h>

#include "schemas/record_plan.h"

static const struct {
	int32_t id;
	const char *name;
} local_ids[] = {
	{ 1, "erp_event_v1" },
	{ 2, "crm_event_v1" },
	{ 3, "iot_event_v1" },
	{ 4, "marketing_event_v1" },
	{ 10, "control" },
	{ 11, "account_event_v1" },
	{ 12, "series_point" },
	{ 13, "resolve_input_v1" },
	{ 14, "series_totals" },
	{ 15, "series_state_v1" },
	{ 20, "alert_v1" },
	{ 21, "score_v1" },
	{ 22, "forecast_v1" },
	{ 23, "forecast_accuracy_v1" },
	{ 24, "account_v1" },
	{ 30, "erp_event" },
	{ 31, "crm_event" },
	{ 32, "iot_event" },
	{ 33, "marketing_event" },
	{ 34, "support_event" },
	{ 35, "content_event" },
	{ 36, "market_event" },
	{ 37, "account_event" },
	{ 38, "account_v2" },
	{ 40, "alert" },
	{ 41, "score" },
	{ 42, "example_v1" },
	{ 43, "lesson_v1" },
	{ 44, "gathered_v1" },
	{ 45, "learner" },
	{ 46, "model" },
	{ 47, "region_state" },
	{ 48, "model_shelf" },
	{ 60, "identity_note" },
	{ 61, "account_change" },
	{ 62, "identity_name_v1" },
	{ 63, "identity_waiting_v1" },
	{ 64, "identity_block" },
	{ 65, "identity_suggestion" },
	{ 66, "identity_decision" },
	{ 67, "identity_erased" },
	{ 68, "resolve_input" },
	{ 69, "identity_name_v2" },
	{ 70, "forecast_v2" },
	{ 71, "forecast_accuracy" },
	{ 72, "series_state_v2" },
	{ 73, "drift" },
	{ 76, "series_state_v3" },
	{ 77, "series_part" },
	{ 78, "level" },
	{ 80, "supply" },
	{ 81, "supply_state" },
	{ 82, "allocation" },
	{ 83, "series_definitions" },
	{ 84, "series_shelf" },
	{ 85, "forecast" },
	{ 86, "series_state" },
	{ 87, "account_v3" },
	{ 88, "identity_name_v3" },
	{ 89, "identity_seen" },
	{ 90, "account" },
	{ 91, "example" },
	{ 92, "lesson" },
	{ 93, "gathered" },
	{ 94, "identity_name_v4" },
	{ 95, "identity_name" },
	{ 96, "identity_waiting" },
};

enum { LOCAL_ID_COUNT = sizeof local_ids / sizeof local_ids[0] };

int32_t registry_local_id(const char *name)
{
	for (size_t i = 0; i < LOCAL_ID_COUNT; i++)
		if (strcmp(local_ids[i].name, name) == 0)
			return local_ids[i].id;
	return 0;
}

const char *registry_local_text(int32_t id)
{
	for (size_t i = 0; i < LOCAL_ID_COUNT; i++)
		if (local_ids[i].id == id)
			return record_own_text(local_ids[i].name);
	return NULL;
}
