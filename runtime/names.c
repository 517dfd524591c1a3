#include "runtime/names.h"

#include <stdio.h>

void names_output(const char *app_id, const char *logical, char *name)
{
	snprintf(name, NAME_LEN_MAX + 1, "%s.%s", app_id, logical);
}
