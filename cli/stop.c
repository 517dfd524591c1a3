#include "cli/stop.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t stop_asked;

_Static_assert(sizeof(sig_atomic_t) == sizeof(int), "stop_flag lends it out as an int");

static void on_signal(int number)
{
	if (stop_asked != 0)
		_exit(128 + number);
	stop_asked = number;
}

void stop_install(void)
{
	struct sigaction action;
	memset(&action, 0, sizeof action);
	action.sa_handler = on_signal;
	sigemptyset(&action.sa_mask);
	action.sa_flags = SA_RESTART;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

void stop_outlive_readers(void)
{
	signal(SIGPIPE, SIG_IGN);
}

bool stop_requested(void)
{
	return stop_asked != 0;
}

const volatile int *stop_flag(void)
{
	return &stop_asked;
}
