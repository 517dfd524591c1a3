/* What the simulated company's support and its markets tell: support.events, market.events. */
#ifndef SIMULATE_REPORT_CARE_H
#define SIMULATE_REPORT_CARE_H

#include "simulate/tell.h"

/* A day: tickets with all that follows from them. */
void report_care_day(struct teller *teller);

/* A day of the markets: promotions, monthly indices and indicators. account is NULL. */
void report_care_world(struct teller *teller);

#endif
