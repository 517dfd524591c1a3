#include "cli/account_rules.h"

#include <stddef.h>

const char *const account_rules_options[] = { "kafka.bootstrap.servers",
					      "app.id",
					      "registry.url",
					      "alert.open",
					      "alert.close",
					      "alert.orders.min",
					      "risk.open",
					      "risk.close",
					      "opportunity.open",
					      "opportunity.close",
					      NULL };

void account_rules_read(const struct conf *conf, struct churn_options *churn,
			struct risk_options *risk)
{
	const struct opportunity_options opportunity = { conf_double(conf, "opportunity.open"),
							 conf_double(conf, "opportunity.close") };
	*churn = (struct churn_options){ conf_double(conf, "alert.open"),
					 conf_double(conf, "alert.close"),
					 conf_int(conf, "alert.orders.min"), opportunity };
	*risk = (struct risk_options){ conf_double(conf, "risk.open"),
				       conf_double(conf, "risk.close"), opportunity };
}
