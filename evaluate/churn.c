#include "evaluate/churn.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/dmath.h"
#include "evaluate/brought.h"
#include "evaluate/features.h"
#include "evaluate/label.h"
#include "evaluate/leaks.h"
#include "evaluate/report.h"

/* A table's rows whose outcome is known. */
struct known {
	uint32_t *rows;
	uint8_t *labels;
	size_t count, positive_count, missing_count;
};

struct work {
	const struct churn_evaluation *options;
	FILE *out;
	struct table *train, *test;
	struct label label;
	struct features features;
	struct known known, judged; /* of train; of test, none where it has no label */
	bool has_test_label;
	size_t id; /* a column of test; NO_OTHER: row numbers */
	double *train_matrix, *test_matrix;
	struct dataset dataset;
	struct classifier model;
	struct brought brought;
	double *brought_said; /* of all test rows; NULL: no model was brought */
};

/* ---- what is there ---- */

static void find_known(const struct label *label, const struct table *table, size_t column,
		       struct known *known)
{
	const struct table_column *at = &table->columns[column];
	uint8_t *labels = check_calloc(at->text_count + 1, 1);
	for (size_t i = 0; i < at->text_count; i++)
		labels[i] = label_of(label, at->texts[i]);
	known->rows = check_calloc(table->row_count + 1, sizeof *known->rows);
	known->labels = check_calloc(table->row_count + 1, 1);
	for (size_t row = 0; row < table->row_count; row++) {
		uint8_t answer = labels[at->codes[row]];
		if (answer == LABEL_NONE) {
			known->missing_count++;
			continue;
		}
		known->rows[known->count] = (uint32_t)row;
		known->labels[known->count++] = answer;
		known->positive_count += answer;
	}
	free(labels);
}

static struct err *check_train(const struct work *work)
{
	const struct known *known = &work->known;
	size_t negative = known->count - known->positive_count;
	const char *path = work->options->train_path;
	if (known->positive_count == 0 || negative == 0)
		return err_new(ERR_FATAL, "ONE_CLASS",
			       "%s: all %zu rows have the same outcome: there is nothing to tell "
			       "apart",
			       path, known->count);
	if (known->count < CHURN_TRAIN_ROWS_MIN || known->positive_count < CHURN_CLASS_ROWS_MIN ||
	    negative < CHURN_CLASS_ROWS_MIN)
		return err_new(
			ERR_FATAL, "TOO_FEW_ROWS",
			"%s has too few rows to learn from: %zu with a known outcome, %zu of "
			"them positive; at least %d are needed, and %d of each outcome",
			path, known->count, known->positive_count, CHURN_TRAIN_ROWS_MIN,
			CHURN_CLASS_ROWS_MIN);
	return NULL;
}

static struct err *check_test(const struct work *work)
{
	const struct known *judged = &work->judged;
	const char *path = work->options->test_path;
	if (!work->has_test_label)
		return NULL;
	if (judged->count < CHURN_TEST_ROWS_MIN)
		return err_new(
			ERR_FATAL, "TOO_FEW_ROWS",
			"%s has too few rows to judge by: %zu with a known outcome, at least "
			"%d are needed; without the column \"%s\" its rows are predicted and "
			"not judged",
			path, judged->count, CHURN_TEST_ROWS_MIN, work->options->label);
	if (judged->positive_count == 0 || judged->positive_count == judged->count)
		return err_new(
			ERR_FATAL, "ONE_CLASS",
			"%s: all %zu rows have the same outcome, so no ranking can be judged; "
			"without the column \"%s\" its rows are predicted and not judged",
			path, judged->count, work->options->label);
	return NULL;
}

/* A fingerprint of a row's texts in the columns that both tables have. */
static uint64_t row_print(const struct work *work, const struct table *table, size_t row,
			  const size_t *columns, size_t column_count)
{
	uint64_t print = 14695981039346656037u;
	(void)work;
	for (size_t i = 0; i < column_count; i++) {
		uint64_t hash = hash_table64(table_text(table, columns[i], row));
		print = (print ^ hash) * 1099511628211u;
	}
	return print;
}

static int by_print(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
	return (left > right) - (left < right);
}

/* How many of the test table's rows stand in the training table, too, word for word. */
static size_t count_repeated(const struct work *work)
{
	const struct table *train = work->train, *test = work->test;
	size_t *columns = check_calloc(2 * train->column_count + 1, sizeof *columns), count = 0;
	for (size_t i = 0; i < train->column_count; i++) {
		size_t other = table_find(test, train->columns[i].name);
		if (other == test->column_count)
			continue;
		columns[count] = i;
		columns[train->column_count + count++] = other;
	}
	uint64_t *prints = check_calloc(train->row_count + 1, sizeof *prints);
	for (size_t row = 0; row < train->row_count; row++)
		prints[row] = row_print(work, train, row, columns, count);
	qsort(prints, train->row_count, sizeof *prints, by_print);
	size_t repeated = 0;
	for (size_t row = 0; row < test->row_count; row++) {
		uint64_t print = row_print(work, test, row, columns + train->column_count, count);
		repeated +=
			bsearch(&print, prints, train->row_count, sizeof print, by_print) != NULL;
	}
	free(prints);
	free(columns);
	return repeated;
}

static struct err *check_apart(const struct work *work)
{
	const struct churn_evaluation *options = work->options;
	if (strcmp(work->train->digest, work->test->digest) == 0)
		return err_new(
			ERR_FATAL, "SAME_FILE",
			"%s and %s are the same file: a model can't be judged on the rows it "
			"learnt from; split the file by customers, or by time",
			options->train_path, options->test_path);
	size_t repeated = count_repeated(work);
	if (repeated * 10 >= work->test->row_count * 9 && work->has_test_label)
		return err_new(
			ERR_FATAL, "SAME_FILE",
			"%zu of the %zu rows of %s stand in %s, too: a model can't be judged on "
			"the rows it learnt from",
			repeated, work->test->row_count, options->test_path, options->train_path);
	if (repeated * 100 > work->test->row_count)
		fprintf(work->out,
			"warning: %zu of the %zu test rows stand in the training file, too, word "
			"for word\n",
			repeated, work->test->row_count);
	return NULL;
}

static struct err *find_id(struct work *work)
{
	const char *name = work->options->id;
	work->id = features_identifier(&work->features, work->test);
	if (name == NULL)
		return NULL;
	work->id = table_find(work->test, name);
	if (work->id < work->test->column_count)
		return NULL;
	return err_new(ERR_FATAL, "COLUMN_MISSING", "%s has no column \"%s\" (--id)",
		       work->options->test_path, name);
}

/* The features of both tables; the label and the id are none. */
static struct err *make_features(struct work *work)
{
	const struct churn_evaluation *options = work->options;
	const char *dropped[64];
	size_t count = 0;
	for (; options->dropped != NULL && options->dropped[count] != NULL && count < 60; count++)
		dropped[count] = options->dropped[count];
	if (options->id != NULL && table_find(work->train, options->id) < work->train->column_count)
		dropped[count++] = options->id;
	dropped[count] = NULL;
	const struct features_options features_options = { .other = work->test,
							   .label_column = work->label.column,
							   .dropped = dropped };
	struct err *err = features_init(&work->features, work->train, &features_options);
	return err != NULL ? err : find_id(work);
}

static struct err *load(struct work *work)
{
	const struct churn_evaluation *options = work->options;
	struct err *err = table_read(options->train_path, &work->train);
	if (err == NULL)
		err = table_read(options->test_path, &work->test);
	if (err == NULL)
		err = label_init(&work->label, work->train, options->label, options->positive);
	if (err != NULL)
		return err;
	find_known(&work->label, work->train, work->label.column, &work->known);
	size_t test_label = table_find(work->test, options->label);
	if (test_label < work->test->column_count)
		find_known(&work->label, work->test, test_label, &work->judged);
	work->has_test_label = work->judged.count > 0;
	err = check_train(work);
	if (err == NULL)
		err = check_test(work);
	if (err == NULL)
		err = check_apart(work);
	if (err == NULL)
		err = make_features(work);
	if (err == NULL && options->model_path != NULL)
		err = brought_read(options->model_path, options->golden_path, &work->brought);
	if (err == NULL && options->model_path != NULL)
		err = brought_predict(&work->brought, work->test, &work->brought_said);
	return err;
}

/* ---- what is said of it ---- */

static void print_table_facts(const struct work *work, const char *what, const struct table *table,
			      const struct known *known)
{
	fprintf(work->out, "%s: %zu rows", what, table->row_count);
	if (known->count > 0)
		fprintf(work->out, ", %.1f %% with %s = %s",
			100 * (double)known->positive_count / (double)known->count,
			work->options->label, work->label.positive);
	else
		fprintf(work->out, ", not judged: the outcome is not in it");
	if (known->count > 0 && known->missing_count > 0)
		fprintf(work->out, "; %zu without an outcome", known->missing_count);
	if (table->bad_count > 0)
		fprintf(work->out, "; %zu unreadable rows left out, the first on line %" PRId64,
			table->bad_count, table->bad_line);
	fprintf(work->out, "\n");
}

/* Whether a leak is that of days between two dates of which one leaks by itself. */
static bool is_said_already(const struct work *work, const struct leak *leaks, size_t j)
{
	const struct feature *feature = &work->features.features[j];
	for (size_t k = 0; feature->other_column != NO_OTHER && k < j; k++) {
		size_t column = work->features.features[k].column;
		if (leaks[k].is_leak &&
		    (column == feature->column || column == feature->other_column))
			return true;
	}
	return false;
}

static void warn_of_leaks(const struct work *work)
{
	struct leak *leaks = check_calloc(work->features.count + 1, sizeof *leaks);
	leaks_find(&work->dataset, leaks);
	for (size_t j = 0; j < work->features.count; j++) {
		const char *name = work->features.features[j].name;
		if (!leaks[j].is_leak || is_said_already(work, leaks, j))
			continue;
		fprintf(work->out,
			"warning: column \"%s\" alone predicts the label almost perfectly (AUC "
			"%.3f): was it\nwritten after the outcome? Then the figures below are "
			"worth "
			"nothing: --drop \"%s\"\n",
			name, leaks[j].auc, name);
	}
	free(leaks);
}

/* ---- predicting ---- */

struct shown_row {
	const struct features *features;
	const double *values;
};

static void say_column(const void *context, size_t column, char *text, size_t text_max)
{
	const struct shown_row *row = context;
	features_text(row->features, column, row->values[column], text, text_max);
}

static struct bytes id_of(const struct work *work, size_t row, char number[24])
{
	if (work->id != NO_OTHER)
		return table_text(work->test, work->id, row);
	snprintf(number, 24, "%zu", row + 1);
	return bytes_str(number);
}

/* The predictions of all test rows, new, and the file of them. */
static struct err *predict(const struct work *work, double **probabilities)
{
	size_t rows = work->test->row_count, columns = work->features.count;
	double *contributions = check_calloc(columns + 1, sizeof *contributions);
	FILE *file = NULL;
	char number[24];
	*probabilities = check_calloc(rows + 1, sizeof **probabilities);
	struct err *err = report_open(work->options->out_path, &file);
	for (size_t row = 0; err == NULL && row < rows; row++) {
		const struct shown_row shown = { &work->features,
						 work->test_matrix + row * columns };
		double p =
			dm_sigmoid(classifier_explain(&work->model, shown.values, contributions));
		(*probabilities)[row] = p;
		if (work->model.report.has_skill)
			report_predict(file, id_of(work, row, number), p, contributions, columns,
				       say_column, &shown);
		else
			report_predict_plain(file, id_of(work, row, number), p,
					     "no better than the base rate: nothing is known of "
					     "this row");
	}
	free(contributions);
	struct err *close_err = report_close(work->options->out_path, &file);
	if (err == NULL)
		return close_err;
	err_free(&close_err);
	return err;
}

static double *predict_logistic(const struct work *work)
{
	struct logistic model;
	const struct logistic_sample sample = { .dataset = &work->dataset };
	double *probabilities = check_calloc(work->test->row_count + 1, sizeof *probabilities);
	logistic_fit(&sample, work->model.report.trials[0].penalty, NULL, &model);
	for (size_t row = 0; row < work->test->row_count; row++)
		probabilities[row] = dm_sigmoid(
			logistic_margin(&model, work->test_matrix + row * work->features.count));
	logistic_fini(&model);
	return probabilities;
}

/* Those of the judged rows, one behind the other, in place. */
static void keep_judged(const struct work *work, double *probabilities)
{
	for (size_t i = 0; i < work->judged.count; i++)
		probabilities[i] = probabilities[work->judged.rows[i]];
}

static struct err *judge_and_show(const struct work *work, double *probabilities)
{
	size_t count = work->judged.count;
	double *logistic = predict_logistic(work);
	double *base = check_calloc(count + 1, sizeof *base);
	char folder[REPORT_PATH_MAX];
	keep_judged(work, probabilities);
	keep_judged(work, logistic);
	for (size_t i = 0; i < count; i++)
		base[i] = (double)work->known.positive_count / (double)work->known.count;
	struct report_row rows[REPORT_ROWS_MAX] = {
		{ .name = "base rate", .probabilities = base },
		{ .name = "logistic regression", .probabilities = logistic },
	};
	size_t row_count = 2;
	if (work->brought_said != NULL) {
		keep_judged(work, work->brought_said);
		rows[row_count++] = (struct report_row){ .name = "the model brought",
							 .probabilities = work->brought_said };
	}
	struct report_row *ours = &rows[row_count++];
	*ours = (struct report_row){ .name = "foretell", .probabilities = probabilities };
	for (size_t i = 0; i < row_count; i++)
		judge(rows[i].probabilities, work->judged.labels, count, &rows[i].judgement);
	fprintf(work->out, "\n");
	report_print(work->out, rows, row_count);
	fprintf(work->out, "\n");
	report_print_verdict(work->out, &work->model.report, ours, &rows[1], work->judged.labels);
	struct err *err = report_folder(work->options->out_path, folder);
	if (err == NULL)
		err = report_charts(folder, rows, row_count, work->judged.labels);
	if (err == NULL)
		fprintf(work->out, "charts: %s/calibration.svg, %s/lift.svg\n", folder, folder);
	free(base);
	free(logistic);
	return err;
}

static struct err *run(struct work *work)
{
	double *probabilities = NULL;
	struct err *err = load(work);
	if (err != NULL)
		return err;
	print_table_facts(work, "train", work->train, &work->known);
	print_table_facts(work, "test", work->test, &work->judged);
	features_print(&work->features, work->out);
	work->train_matrix =
		features_matrix(&work->features, work->train, work->known.rows, work->known.count);
	work->test_matrix = features_matrix(&work->features, work->test, NULL, 0);
	work->dataset = (struct dataset){ .row_count = work->known.count,
					  .column_count = work->features.count,
					  .values = work->train_matrix,
					  .category_counts = work->features.category_counts,
					  .labels = work->known.labels };
	warn_of_leaks(work);
	classifier_train(&work->dataset, &work->options->classifier, &work->model);
	fprintf(work->out, "\n");
	report_print_trials(work->out, &work->model.report);
	err = predict(work, &probabilities);
	if (err == NULL && work->has_test_label)
		err = judge_and_show(work, probabilities);
	else if (err == NULL)
		report_print_verdict(work->out, &work->model.report, NULL, NULL, NULL);
	if (err == NULL)
		fprintf(work->out, "predictions: %s\n", work->options->out_path);
	free(probabilities);
	return err;
}

struct err *churn_evaluate(const struct churn_evaluation *evaluation)
{
	struct work work = { .options = evaluation, .out = evaluation->out, .id = NO_OTHER };
	struct err *err = run(&work);
	classifier_fini(&work.model);
	free(work.brought_said);
	brought_fini(&work.brought);
	free(work.train_matrix);
	free(work.test_matrix);
	free(work.known.rows);
	free(work.known.labels);
	free(work.judged.rows);
	free(work.judged.labels);
	features_fini(&work.features);
	table_free(&work.train);
	table_free(&work.test);
	return err;
}
