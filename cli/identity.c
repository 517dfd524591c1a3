#include "cli/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { PATH_LEN_MAX = 4096 + 8 };

static struct err *failed(const char *path, const char *doing)
{
	return err_new(ERR_FATAL, "IDENTITY", "%s can't be %s: %s", path, doing, strerror(errno));
}

/* Written beside it and renamed: a process that dies, or finds the disk full, leaves no half. */
static struct err *make(const char *path, char identity[IDENTITY_LEN + 1])
{
	uint8_t random[IDENTITY_LEN / 2];
	char fresh[PATH_LEN_MAX];
	if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
		return failed(path, "made (no random numbers)");
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(identity + 2 * i, 3, "%02x", (unsigned)random[i]);
	snprintf(fresh, sizeof fresh, "%s.new", path);
	int file = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (file < 0)
		return failed(path, "made");
	bool written = write(file, identity, IDENTITY_LEN) == IDENTITY_LEN && fsync(file) == 0;
	written = close(file) == 0 && written;
	return written && rename(fresh, path) == 0 ? NULL : failed(path, "written");
}

static bool is_valid(const char *identity, ssize_t len)
{
	if (len != IDENTITY_LEN)
		return false;
	for (size_t i = 0; i < IDENTITY_LEN; i++)
		if (strchr("0123456789abcdef", identity[i]) == NULL)
			return false;
	return true;
}

struct err *identity_load(const char *path, char identity[IDENTITY_LEN + 1])
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return errno == ENOENT ? make(path, identity) : failed(path, "read");
	ssize_t len = read(file, identity, IDENTITY_LEN);
	close(file);
	identity[IDENTITY_LEN] = '\0';
	if (is_valid(identity, len))
		return NULL;
	return err_new(ERR_FATAL, "IDENTITY",
		       "%s is damaged; delete it (the process then waits once for its old "
		       "membership to expire)",
		       path);
}
