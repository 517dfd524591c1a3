/* What the simulated company's CRM and its sales-content system tell: crm.events, content.events.
 */
#ifndef SIMULATE_REPORT_SALES_H
#define SIMULATE_REPORT_SALES_H

#include "simulate/tell.h"

/* The first of a customer: account, second record where there is one, contacts. At `at_ms`. */
void report_sales_introduce(struct teller *teller, int64_t at_ms);

/* A day: deals, activities, changes, content. Closed deals go to the truth, too. */
void report_sales_day(struct teller *teller);

/* Deals that are still open at the end, to the truth. */
void report_sales_end(struct teller *teller);

#endif
