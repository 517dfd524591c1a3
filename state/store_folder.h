/* The store's folder as files: the mark that it is damaged, and putting it aside. */
#ifndef STATE_STORE_FOLDER_H
#define STATE_STORE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { STORE_PATH_MAX = 4096 };

bool store_folder_has(const char *path, const char *file);

/* Removes the files whose names end so. */
void store_folder_sweep(const char *path, const char *suffix);

/* Leaves a mark that the next opening finds; as well as it can. */
void store_folder_mark(const char *path, const char *reason);

/* Whether there is a mark, and what it says. */
bool store_folder_marked(const char *path, char *reason, size_t size);

/* PATH becomes PATH.damaged; what stood there from an earlier time goes. Errors: FATAL STORE_OPEN.
 */
ERR_MUST_USE struct err *store_folder_move_aside(const char *path);

#endif
