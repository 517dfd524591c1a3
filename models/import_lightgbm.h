/* LightGBM's text form, for models/import_model alone. */
#ifndef MODELS_IMPORT_LIGHTGBM_H
#define MODELS_IMPORT_LIGHTGBM_H

#include "models/import_model.h"

/* Adds to an empty forest and empty names. Errors: as import_model; the outputs are then the
 * caller's to free. */
ERR_MUST_USE struct err *import_lightgbm(struct bytes bytes, struct forest *forest,
					 struct import_names *names);

#endif
