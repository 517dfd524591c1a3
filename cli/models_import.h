/* `foretell models export` and `import`: the lessons as a table to train on elsewhere, and a model
 * of XGBoost or LightGBM that was trained on it as a version on `models`. */
#ifndef CLI_MODELS_IMPORT_H
#define CLI_MODELS_IMPORT_H

#include <stdint.h>

#include "base/conf.h"
#include "kafka/client.h"

/* Writes the lessons to a file: account, at, matured, left, then a column for each feature. Errors:
 * as reader_run; FATAL OUTPUT where the file can't be written. */
ERR_MUST_USE struct err *models_export(const struct conf *conf, const struct client_options *client,
				       const char *path);

/* Publishes the model in a file, once it says what its own program says of the golden rows, with
 * how it does on the lessons that matured from held_from_ms on, which it was not trained on. With
 * TIME_NONE it may have been trained on all: then they never prove it. Errors: as brought_read,
 * grove_bring, reader_run and the writer; FATAL COLUMN_UNKNOWN, NO_LESSONS (none is held out). */
ERR_MUST_USE struct err *models_import(const struct conf *conf, const struct client_options *client,
				       const char *path, const char *golden_path,
				       int64_t held_from_ms);

#endif
