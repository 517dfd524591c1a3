/* The oracle's report as text: the frozen difficulty, what differs and shifts, the warning curve.
 */
#ifndef CLI_ORACLE_TABLE_H
#define CLI_ORACLE_TABLE_H

#include <stdio.h>

#include "simulate/oracle.h"

void oracle_table_print(FILE *out, const struct oracle_options *options,
			const struct oracle_report *report);

#endif
