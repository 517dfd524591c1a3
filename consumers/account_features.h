/* What an account's events say to the features: which signal each type is, and its value. */
#ifndef CONSUMERS_ACCOUNT_FEATURES_H
#define CONSUMERS_ACCOUNT_FEATURES_H

#include "models/features.h"
#include "schemas/types.h"

/* Takes an event in; what says nothing about churn is left alone. Counted when it happened, even
 * where it came late. */
void account_features_add(struct features *features, const struct source_event *event);

#endif
