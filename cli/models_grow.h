/* `foretell models grow`: trees on top of the hazard model, from the lessons of the stream; what is
 * better there becomes a version on `models`. */
#ifndef CLI_MODELS_GROW_H
#define CLI_MODELS_GROW_H

#include "base/conf.h"
#include "kafka/client.h"

/* Errors: as reader_run and the writer. */
ERR_MUST_USE struct err *models_grow(const struct conf *conf, const struct client_options *client);

#endif
