/* What the simulated company's ERP tells: erp.events. */
#ifndef SIMULATE_REPORT_SUPPLY_H
#define SIMULATE_REPORT_SUPPLY_H

#include "simulate/tell.h"

/* The first of a customer: its number, and by what it is linked to the CRM. */
void report_supply_introduce(struct teller *teller, int64_t at_ms);

/* A day: orders with all that follows from them, prices, credit. Diverted shipments go to the
 * truth, too. */
void report_supply_day(struct teller *teller);

/* A day of what belongs to no customer: stock by site, list prices by region. account is NULL. */
void report_supply_world(struct teller *teller);

#endif
