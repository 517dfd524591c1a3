/* Bytes of any kind as a model: of our own form, XGBoost's, LightGBM's. What is taken can be walked
 * and explained. */
#include <math.h>
#include <stdlib.h>

#include "models/classifier.h"
#include "models/import_model.h"
#include "models/shap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void use(const struct forest *forest)
{
	double *row = calloc(2 * forest->column_count + 1, sizeof *row);
	for (int pass = 0; pass < 3 && forest->node_count < 2000; pass++) {
		for (size_t j = 0; j < forest->column_count; j++)
			row[j] = pass == 0 ? NAN : (double)(j * 7 % 5) - (pass == 1 ? 2 : 0.5);
		forest_margin(forest, row);
		shap_add(forest, row, row + forest->column_count);
	}
	free(row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct forest forest;
	struct import_names names;
	struct err *err = import_model(bytes_of(data, len), &forest, &names);
	if (err == NULL) {
		use(&forest);
		forest_fini(&forest);
		import_names_fini(&names);
	}
	err_free(&err);
	/* past the hash, which no fuzzer finds */
	struct unpacker unpacker = unpacker_of(bytes_of(data, len));
	err = forest_unpack(&forest, &unpacker);
	if (err == NULL)
		use(&forest);
	err_free(&err);
	forest_fini(&forest);
	struct logistic logistic;
	unpacker = unpacker_of(bytes_of(data, len));
	err = logistic_unpack(&logistic, &unpacker);
	err_free(&err);
	logistic_fini(&logistic);
	struct classifier classifier;
	err = classifier_unpack(bytes_of(data, len), &classifier);
	if (err == NULL)
		classifier_fini(&classifier);
	err_free(&err);
	return 0;
}
