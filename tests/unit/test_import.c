/* Models of XGBoost 3.2 and LightGBM 4.7, as those programs wrote them, against what they
 * themselves say: predictions, and the contributions of each column. tests/unit/models/make.py made
 * the files. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/dmath.h"
#include "base/prng.h"
#include "models/classifier.h"
#include "models/hazard.h"
#include "models/import_model.h"
#include "models/shap.h"

enum { COLUMNS = 5, GOLDEN_MAX = 100, FILE_MAX = 200000, LINE_MAX = 4096 };

#define FOLDER "tests/unit/models/"

struct golden {
	size_t count;
	double rows[GOLDEN_MAX * COLUMNS];
	double predictions[GOLDEN_MAX];
	double contributions[GOLDEN_MAX][COLUMNS + 1]; /* the base last */
};

static struct bytes read_file(const char *name)
{
	FILE *file = fopen(name, "rb");
	uint8_t *data = malloc(FILE_MAX);
	assert_non_null(file);
	assert_non_null(data);
	size_t len = fread(data, 1, FILE_MAX, file);
	assert_true(len > 0 && len < FILE_MAX);
	fclose(file);
	return bytes_of(data, len);
}

static void read_golden(const char *name, struct golden *golden)
{
	char line[LINE_MAX];
	FILE *file = fopen(name, "r");
	assert_non_null(file);
	golden->count = 0;
	while (fgets(line, sizeof line, file) != NULL) {
		double values[2 * COLUMNS + 2];
		char *at = line;
		for (size_t i = 0; i < 2 * COLUMNS + 2; i++) {
			values[i] = strtod(at, &at);
			at += *at == ',';
		}
		assert_true(golden->count < GOLDEN_MAX);
		size_t row = golden->count++;
		memcpy(golden->rows + row * COLUMNS, values, COLUMNS * sizeof *values);
		golden->predictions[row] = values[COLUMNS];
		memcpy(golden->contributions[row], values + COLUMNS + 1,
		       (COLUMNS + 1) * sizeof *values);
	}
	fclose(file);
	assert_true(golden->count >= 50);
}

static const char *const models[][2] = {
	{ FOLDER "xgboost.json", FOLDER "xgboost.csv" },
	{ FOLDER "xgboost_base.json", FOLDER "xgboost_base.csv" },
	{ FOLDER "lightgbm.txt", FOLDER "lightgbm.csv" },
	{ FOLDER "lightgbm_zero.txt", FOLDER "lightgbm_zero.csv" },
	{ FOLDER "lightgbm_none.txt", FOLDER "lightgbm_none.csv" },
};

enum { MODEL_COUNT = sizeof models / sizeof models[0] };

static void they_say_what_their_makers_say(void **state)
{
	(void)state;
	for (size_t m = 0; m < MODEL_COUNT; m++) {
		struct golden golden;
		struct forest forest;
		struct import_names names;
		struct bytes bytes = read_file(models[m][0]);
		read_golden(models[m][1], &golden);
		assert_null(import_model(bytes, &forest, &names));
		assert_int_equal(forest.column_count, COLUMNS);
		assert_null(import_check(&forest, golden.rows, golden.predictions, golden.count));
		for (size_t i = 0; i < golden.count; i++) {
			const double *row = golden.rows + i * COLUMNS;
			double contributions[COLUMNS] = { 0 };
			shap_add(&forest, row, contributions);
			for (size_t j = 0; j < COLUMNS; j++)
				assert_true(fabs(contributions[j] - golden.contributions[i][j]) <
					    2e-5);
			assert_true(fabs(shap_expected(&forest) -
					 golden.contributions[i][COLUMNS]) < 2e-5);
		}
		forest_fini(&forest);
		import_names_fini(&names);
		free((void *)bytes.data);
	}
}

/* As a classifier its contributions add up to the bit, too. */
static void contributions_add_up_to_the_bit(void **state)
{
	(void)state;
	for (size_t m = 0; m < MODEL_COUNT; m++) {
		struct golden golden;
		struct forest forest;
		struct import_names names;
		struct classifier classifier, back;
		struct packer packer = { 0 };
		struct bytes bytes = read_file(models[m][0]);
		read_golden(models[m][1], &golden);
		assert_null(import_model(bytes, &forest, &names));
		classifier_of_forest(&forest, &classifier);
		classifier_pack(&classifier, &packer);
		assert_null(classifier_unpack(packer_bytes(&packer), &back));
		for (size_t i = 0; i < golden.count; i++) {
			const double *row = golden.rows + i * COLUMNS;
			double contributions[COLUMNS], sum = classifier.base;
			double margin = classifier_explain(&classifier, row, contributions);
			for (size_t j = 0; j < COLUMNS; j++)
				sum += contributions[j];
			assert_true(sum == margin);
			assert_true(classifier_margin(&back, row) == margin);
			assert_true(fabs(dm_sigmoid(margin) - golden.predictions[i]) < 1e-5);
		}
		packer_fini(&packer);
		classifier_fini(&classifier);
		classifier_fini(&back);
		import_names_fini(&names);
		free((void *)bytes.data);
	}
}

/* Whether row i has no missing values, and says of it what the model's own program does. */
static bool judges_alike(const struct hazard_model *model, const struct golden *golden, size_t i,
			 const size_t columns[COLUMNS])
{
	double features[FEATURE_COUNT] = { 0 };
	struct hazard_score score;
	for (size_t j = 0; j < COLUMNS; j++) {
		features[columns[j]] = golden->rows[i * COLUMNS + j];
		if (isnan(features[columns[j]]))
			return false;
	}
	hazard_score(model, features, &score);
	double sum = score.base_margin;
	for (int group = 0; group < GROUP_COUNT; group++)
		sum += score.groups[group];
	assert_true(sum == score.margin);
	assert_true(fabs(grove_margin(&model->grove, features) - score.margin) < 1e-9);
	assert_true(fabs(score.probability - golden->predictions[i]) < 1e-5);
	const double *told = golden->contributions[i];
	assert_true(fabs(score.groups[GROUP_SATISFACTION] - told[0]) < 2e-5);
	assert_true(fabs(score.groups[GROUP_SERVICE] - told[1]) < 2e-5);
	assert_true(fabs(score.base_margin - told[2] - told[COLUMNS]) < 2e-5);
	assert_true(fabs(score.groups[GROUP_USAGE] - told[3]) < 2e-5);
	assert_true(fabs(score.groups[GROUP_COMPETITOR] - told[4]) < 2e-5);
	return true;
}

/* In the stream: of the rows without missing values, the same; reasons add up to the bit. */
static void one_judges_in_the_stream(void **state)
{
	(void)state;
	static const size_t columns[COLUMNS] = { FEATURE_SCORE, FEATURE_LOAD, FEATURE_NEW,
						 FEATURE_ORDER_TREND, FEATURE_EXPOSURE };
	static const bool is_taken[MODEL_COUNT] = { true, true, false, false, true };
	for (size_t m = 0; m < MODEL_COUNT; m++) {
		struct golden golden;
		struct forest forest;
		struct import_names names;
		static struct hazard_model model, back;
		static uint8_t packed[HAZARD_MODEL_BYTES_MAX];
		struct bytes bytes = read_file(models[m][0]);
		read_golden(models[m][1], &golden);
		hazard_prior(&model);
		assert_null(import_model(bytes, &forest, &names));
		struct err *err = grove_bring(&forest, columns, &model.grove);
		if (!is_taken[m]) {
			assert_string_equal(err_code(err), "MODEL_FORMAT");
			assert_int_equal(model.grove.node_count, 0);
			err_free(&err);
		} else {
			assert_null(err);
			size_t len = hazard_model_pack(&model, packed), compared = 0;
			assert_false(hazard_model_unpack(bytes_of(packed, len - 1), &back));
			assert_true(hazard_model_unpack(bytes_of(packed, len), &back));
			for (size_t i = 0; i < golden.count; i++)
				compared += judges_alike(&back, &golden, i, columns);
			assert_true(compared > 20);
		}
		forest_fini(&forest);
		import_names_fini(&names);
		free((void *)bytes.data);
	}
}

/* Trees that are too many say so. */
static void a_model_that_is_too_large_is_refused(void **state)
{
	(void)state;
	static const size_t columns[] = { 0 };
	static struct grove grove;
	struct forest forest;
	forest_init(&forest, 1);
	for (int i = 0; i <= GROVE_TREES_MAX; i++) {
		const struct forest_node leaf = { .column = -1, .value = 0.01, .cover = 1 };
		struct err *err = grove_bring(&forest, columns, &grove);
		assert_null(err);
		forest_add_root(&forest, forest_add_node(&forest, &leaf));
	}
	struct err *err = grove_bring(&forest, columns, &grove);
	assert_string_equal(err_code(err), "MODEL_TOO_LARGE");
	err_free(&err);
	forest_fini(&forest);
}

static void another_models_predictions_are_noticed(void **state)
{
	(void)state;
	struct golden golden;
	struct forest forest;
	struct import_names names;
	struct bytes bytes = read_file(models[0][0]);
	read_golden(models[1][1], &golden);
	assert_null(import_model(bytes, &forest, &names));
	struct err *err = import_check(&forest, golden.rows, golden.predictions, golden.count);
	assert_non_null(err);
	assert_string_equal(err_code(err), "MODEL_GOLDEN");
	err_free(&err);
	forest_fini(&forest);
	import_names_fini(&names);
	free((void *)bytes.data);
}

/* A part of a good model's text in place of another. */
static void refused(const char *path, const char *part, const char *other, const char *code)
{
	struct forest forest;
	struct import_names names;
	struct bytes bytes = read_file(path);
	char *text = calloc(2 * FILE_MAX, 1), *changed = calloc(2 * FILE_MAX, 1);
	assert_non_null(text);
	assert_non_null(changed);
	memcpy(text, bytes.data, bytes.len);
	char *at = strstr(text, part);
	assert_non_null(at);
	snprintf(changed, (size_t)2 * FILE_MAX, "%.*s%s%s", (int)(at - text), text, other,
		 at + strlen(part));
	struct err *err = import_model(bytes_str(changed), &forest, &names);
	assert_non_null(err);
	assert_string_equal(err_code(err), code);
	assert_null(names.names);
	err_free(&err);
	free(text);
	free(changed);
	free((void *)bytes.data);
}

static void what_is_not_read_rightly_is_refused(void **state)
{
	(void)state;
	const char *x = models[0][0], *l = models[2][0];
	refused(x, "binary:logistic", "multi:softprob", "MODEL_FORMAT");
	refused(x, "\"gbtree\"", "\"dart\"", "MODEL_FORMAT");
	refused(x, "\"base_score\":\"[", "\"base_score\":\"[1,2", "MODEL_FORMAT");
	refused(x, "\"num_parallel_tree\":\"1\"", "\"num_parallel_tree\":\"4\"", "MODEL_FORMAT");
	refused(x, "\"split_type\":[0", "\"split_type\":[1", "MODEL_FORMAT");
	refused(x, "\"left_children\":[1", "\"left_children\":[0", "MODEL_INVALID");
	refused(x, "\"left_children\":[1", "\"left_children\":[9000", "MODEL_INVALID");
	refused(x, "\"split_indices\":[", "\"split_indices\":[77,", "MODEL_INVALID");
	refused(x, "{", "binf", "MODEL_FORMAT");
	refused(l, "objective=binary sigmoid:1", "objective=regression", "MODEL_FORMAT");
	refused(l, "is_linear=0", "is_linear=1", "MODEL_FORMAT");
	refused(l, "num_tree_per_iteration=1", "num_tree_per_iteration=3", "MODEL_FORMAT");
	refused(l, "left_child=", "left_child=99 ", "MODEL_INVALID");
	refused(l, "left_child=", "left_child=0 ", "MODEL_INVALID");
	refused(l, "leaf_value=", "leaf_value=x ", "MODEL_INVALID");
	refused(l, "cat_boundaries=0", "cat_boundaries=5000000", "MODEL_INVALID");
	refused(l, "end of trees", "", "MODEL_INVALID");
	refused(l, "tree\n", "forest\n", "MODEL_FORMAT");
}

static void damaged_bytes_never_hurt(void **state)
{
	(void)state;
	struct prng prng = prng_new(5, 1);
	for (size_t m = 0; m < MODEL_COUNT; m++) {
		struct bytes bytes = read_file(models[m][0]);
		uint8_t *data = (uint8_t *)(uintptr_t)bytes.data;
		for (int i = 0; i < 150; i++) {
			struct forest forest;
			struct import_names names;
			double row[COLUMNS] = { 0, NAN, 1, 2, -1 };
			size_t at = prng_below(&prng, (uint32_t)bytes.len);
			uint8_t before = data[at];
			data[at] = (uint8_t) "0123456789-. \n[],"[prng_below(&prng, 17)];
			struct err *err = import_model(bytes, &forest, &names);
			if (err == NULL && forest.column_count == COLUMNS)
				forest_margin(&forest, row);
			if (err == NULL) {
				forest_fini(&forest);
				import_names_fini(&names);
			}
			err_free(&err);
			data[at] = before;
		}
		free(data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(they_say_what_their_makers_say),
		cmocka_unit_test(contributions_add_up_to_the_bit),
		cmocka_unit_test(one_judges_in_the_stream),
		cmocka_unit_test(a_model_that_is_too_large_is_refused),
		cmocka_unit_test(another_models_predictions_are_noticed),
		cmocka_unit_test(what_is_not_read_rightly_is_refused),
		cmocka_unit_test(damaged_bytes_never_hurt),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
