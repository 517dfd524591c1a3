#include "state/store_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MARK "DAMAGED"

bool store_folder_has(const char *path, const char *file)
{
	char name[STORE_PATH_MAX + 64];
	snprintf(name, sizeof name, "%s/%s", path, file);
	return access(name, F_OK) == 0;
}

void store_folder_mark(const char *path, const char *reason)
{
	char name[STORE_PATH_MAX + 64];
	snprintf(name, sizeof name, "%s/" MARK, path);
	FILE *file = fopen(name, "w"); /* an empty one serves, too, where the disk is full */
	if (file == NULL)
		return;
	fputs(reason, file);
	fclose(file);
}

bool store_folder_marked(const char *path, char *reason, size_t size)
{
	char name[STORE_PATH_MAX + 64];
	snprintf(name, sizeof name, "%s/" MARK, path);
	FILE *file = fopen(name, "r");
	if (file == NULL)
		return false;
	size_t len = fread(reason, 1, size - 1, file);
	reason[len] = '\0';
	fclose(file);
	return true;
}

void store_folder_sweep(const char *path, const char *suffix)
{
	size_t suffix_len = strlen(suffix);
	DIR *folder = opendir(path);
	if (folder == NULL)
		return;
	for (struct dirent *item = readdir(folder); item != NULL; item = readdir(folder)) {
		size_t len = strlen(item->d_name);
		if (len >= suffix_len && strcmp(item->d_name + len - suffix_len, suffix) == 0)
			unlinkat(dirfd(folder), item->d_name, 0);
	}
	closedir(folder);
}

struct err *store_folder_move_aside(const char *path)
{
	char aside[STORE_PATH_MAX + 16];
	snprintf(aside, sizeof aside, "%s.damaged", path);
	store_folder_sweep(aside, ""); /* RocksDB makes no folders in its own */
	rmdir(aside);
	if (rename(path, aside) == 0)
		return NULL;
	return err_new(ERR_FATAL, "STORE_OPEN",
		       "the state folder %s is damaged and can't be moved to %s (%s): delete it, "
		       "it is rebuilt from Kafka",
		       path, aside, strerror(errno));
}
