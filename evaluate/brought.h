/* A user's own model, of XGBoost or LightGBM, judged beside what foretell trains.
 *
 * Its columns are found in a table by their names (where the model tells none, its columns are
 * "f0", "f1", ... as XGBoost calls them); texts that are no numbers are missing values. The golden
 * file has the same columns and one named "prediction": what the model's own program says of a few
 * rows. A model that says anything else of them is not used.
 *
 * Ownership: in place, brought_fini frees. Threads: read only once read. */
#ifndef EVALUATE_BROUGHT_H
#define EVALUATE_BROUGHT_H

#include "evaluate/table.h"
#include "models/import_model.h"

enum { BROUGHT_GOLDEN_MIN = 5 };

struct brought {
	struct forest forest;
	struct import_names names;
};

/* Errors: FATAL SOURCE_FILE_*, TABLE_*, COLUMN_MISSING, GOLDEN_FEW; POISON as import_model and
 * import_check. *brought is to be freed in any case. */
ERR_MUST_USE struct err *brought_read(const char *path, const char *golden_path,
				      struct brought *brought);
void brought_fini(struct brought *brought);

/* Probabilities of all rows of a table, new in *probabilities. Errors: FATAL COLUMN_MISSING. */
ERR_MUST_USE struct err *brought_predict(const struct brought *brought, const struct table *table,
					 double **probabilities);

#endif
