/* What accounts are judged by, from the options alert.*, risk.* and opportunity.*. */
#ifndef CLI_ACCOUNT_RULES_H
#define CLI_ACCOUNT_RULES_H

#include "base/conf.h"
#include "consumers/churn.h"
#include "consumers/risk.h"

/* The options worth showing by who judges accounts, with those of the topics; NULL-ended. */
extern const char *const account_rules_options[];

void account_rules_read(const struct conf *conf, struct churn_options *churn,
			struct risk_options *risk);

#endif
