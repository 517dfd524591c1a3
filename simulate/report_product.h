/* What the simulated company's devices, product and marketing tell: iot.events, marketing.events.
 */
#ifndef SIMULATE_REPORT_PRODUCT_H
#define SIMULATE_REPORT_PRODUCT_H

#include "simulate/tell.h"

/* The first of a customer: its devices, its subscription. */
void report_product_introduce(struct teller *teller, int64_t at_ms);

/* A day before somebody is a customer: visits of the web site, at the end the form that says who.
 */
void report_product_prospect(struct teller *teller, int days_before);

/* A day: readings, faults, charging, use, seats, mails, visits. Anomalies go to the truth, too. */
void report_product_day(struct teller *teller);

/* A day after the customer left: only mails still go out. */
void report_product_after(struct teller *teller);

#endif
