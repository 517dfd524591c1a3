#include "base/file_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

static struct err *unreadable(const char *path, const char *code)
{
	return err_new(ERR_FATAL, code, "can't read %s: %s", path, strerror(errno));
}

struct err *file_text_read(const char *path, size_t bytes_max, const char *code, char **text,
			   size_t *len)
{
	*text = NULL;
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return unreadable(path, code);
	char *bytes = check_malloc(bytes_max + 1);
	*len = fread(bytes, 1, bytes_max + 1, file);
	struct err *err = NULL;
	if (ferror(file) != 0)
		err = unreadable(path, code);
	else if (*len > bytes_max)
		err = err_new(ERR_FATAL, code, "%s is larger than %zu bytes", path, bytes_max);
	fclose(file);
	if (err != NULL) {
		free(bytes);
		return err;
	}
	bytes[*len] = '\0';
	*text = bytes;
	return NULL;
}
