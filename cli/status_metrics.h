/* A report as Prometheus metrics. docs/operate.md lists them. */
#ifndef CLI_STATUS_METRICS_H
#define CLI_STATUS_METRICS_H

#include "cli/status_report.h"

void status_metrics_write(const struct status_report *report, FILE *out);

#endif
