/* The reasons of a risk in words that a sales person understands, English and Chinese: one template
 * for each group of features, with the account's own values. Threads: pure. Errors: none. */
#ifndef CONSUMERS_RISK_WORDS_H
#define CONSUMERS_RISK_WORDS_H

#include "consumers/risk.h"

/* The groups that matter, where none does those that are as usual, at most REASONS_MAX, in words,
 * in the order of hazard_rank; texts hold what reasons borrow. Where what is left weighs more than
 * any of them, it stands behind them as one, OTHERS. Returns how many. */
size_t risk_words(const struct account_state *state, const struct risk_occasion *occasion,
		  const struct hazard_score *score, struct reason reasons[REASONS_MAX],
		  struct reason_texts *texts);

/* A group's reason code: "SERVICE". */
const char *risk_words_code(enum feature_group group);

#endif
