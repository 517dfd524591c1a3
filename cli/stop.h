/* The stop flag, the one global: SIGINT and SIGTERM ask the program to end, a second one ends it at
 * once with code 128 + signal (a transaction left open is settled at the next start). */
#ifndef CLI_STOP_H
#define CLI_STOP_H

#include <stdbool.h>

/* Installs the handlers; before it, signals end the program as usual. */
void stop_install(void);

/* For what runs until it is told to end: a reader of its log that has died, or a peer that has hung
 * up, must not end it. What only prints for a reader ends with it, as usual. */
void stop_outlive_readers(void);

/* Whether a signal came. Threads: any may look. */
bool stop_requested(void);

/* The flag itself, for loops that take one (reader_run); borrowed, lives for ever. */
const volatile int *stop_flag(void);

#endif
