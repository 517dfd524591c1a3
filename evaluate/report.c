#include "evaluate/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/check.h"
#include "base/dmath.h"
#include "evaluate/svg.h"

enum { REASON_LEN_MAX = 300, CURVE_POINTS = 200, GAIN_ROWS_MAX = 4 };

/* A contribution that changes the odds by less than 2 % is no reason. */
static const double contribution_min = 0.02;

/* ---- tables ---- */

void report_print(FILE *out, const struct report_row *rows, size_t count)
{
	fprintf(out, "%-26s %7s %9s %7s %8s %7s %9s\n", "on the rows judged", "AUC", "avg.prec.",
		"Brier", "log loss", "ECE", "lift@10%");
	for (size_t i = 0; i < count; i++) {
		const struct judgement *judged = &rows[i].judgement;
		fprintf(out, "%-26s %7.4f %9.4f %7.4f %8.4f %7.4f %9.2f\n", rows[i].name,
			judged->auc, judged->average_precision, judged->brier, judged->log_loss,
			judged->calibration_error, judged->lift);
	}
}

void report_print_trials(FILE *out, const struct classifier_report *report)
{
	fprintf(out, "%-26s %7s %9s %7s %7s\n", "inner validation", "AUC", "log loss", "rounds",
		"share");
	for (size_t i = 0; i < report->trial_count; i++) {
		const struct classifier_trial *trial = &report->trials[i];
		fprintf(out, "  %-24s %7.4f %9.4f ", trial->name, trial->auc, trial->log_loss);
		if (trial->rounds > 0)
			fprintf(out, "%7zu", trial->rounds);
		else
			fprintf(out, "%7s", "");
		if (trial->share > 0 && report->has_skill)
			fprintf(out, " %7.2f\n", trial->share);
		else
			fprintf(out, " %7s\n", "-");
	}
	fprintf(out, "  %-24s %7.4f %9.4f\n", "blend", report->held.auc, report->held.log_loss);
	fprintf(out, "  %-24s %7s %9.4f\n", "base rate", "", report->base_log_loss);
}

void report_print_verdict(FILE *out, const struct classifier_report *report,
			  const struct report_row *model, const struct report_row *logistic,
			  const uint8_t *labels)
{
	if (!report->has_skill) {
		fprintf(out,
			"verdict: no better than the base rate. On the training rows held out the "
			"AUC is %.3f,\n%.1f standard errors from chance (%.1f are asked for): "
			"every "
			"row gets the base rate.\n",
			report->held.auc, report->skill, CLASSIFIER_SKILL_MIN);
		return;
	}
	if (model == NULL)
		return;
	double difference;
	double error = judge_auc_difference(model->probabilities, logistic->probabilities, labels,
					    model->judgement.count, &difference);
	fprintf(out,
		"verdict: better than the base rate; AUC %.4f (95 %% interval %.4f to %.4f), %+.4f "
		"against\nlogistic regression (%+.4f to %+.4f)\n",
		model->judgement.auc, model->judgement.auc - 1.96 * model->judgement.auc_error,
		fmin(1, model->judgement.auc + 1.96 * model->judgement.auc_error), difference,
		difference - 1.96 * error, difference + 1.96 * error);
}

/* ---- charts ---- */

struct err *report_folder(const char *out_path, char folder[REPORT_PATH_MAX])
{
	size_t len = strlen(out_path);
	if (len > 4 && strcmp(out_path + len - 4, ".csv") == 0)
		len -= 4;
	if (len + 40 > REPORT_PATH_MAX)
		return err_new(ERR_FATAL, "FILE", "the path %.100s... is too long", out_path);
	snprintf(folder, REPORT_PATH_MAX, "%.*s-charts", (int)len, out_path);
	if (mkdir(folder, 0777) == 0 || errno == EEXIST)
		return NULL;
	return err_new(ERR_FATAL, "FILE", "can't make the folder %s: %s", folder, strerror(errno));
}

static struct err *chart_write(const char *folder, const char *name, const struct svg_chart *chart)
{
	char path[REPORT_PATH_MAX + 40];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return svg_write(path, chart);
}

static const struct svg_point diagonal[] = { { 0, 0, 0 }, { 1, 1, 0 } };

static struct err *calibration_chart(const char *folder, const struct report_row *row)
{
	struct svg_point points[JUDGE_BINS], whiskers[JUDGE_BINS];
	double reach = 0.1;
	for (size_t k = 0; k < JUDGE_BINS; k++) {
		const struct judge_bin *bin = &row->judgement.bins[k];
		double p = bin->observed, n = (double)(bin->count > 0 ? bin->count : 1);
		double half = 1.96 * sqrt(p * (1 - p) / n + 1 / (n * n));
		points[k] = (struct svg_point){ bin->predicted, p, 0 };
		whiskers[k] =
			(struct svg_point){ bin->predicted, fmin(1, p + half), fmax(0, p - half) };
		reach = fmax(reach, fmax(bin->predicted, whiskers[k].y));
	}
	reach = fmin(1, ceil(reach * 10) / 10);
	const struct svg_chart chart = {
		.title = "Calibration: what was said and what came",
		.subtitle = "Ten groups of equal size by probability; strokes are 95 % intervals",
		.x = { "probability said", SVG_PERCENT, 0, reach },
		.y = { "share that came", SVG_PERCENT, 0, reach },
		.layer_count = 3,
		.layers = { { SVG_DASHES, "perfect", diagonal, 2 },
			    { SVG_DOTS, row->name, points, JUDGE_BINS },
			    { SVG_WHISKERS, NULL, whiskers, JUDGE_BINS } },
	};
	return chart_write(folder, "calibration.svg", &chart);
}

struct ranked {
	double score;
	uint8_t label;
};

static int by_falling_score(const void *a, const void *b)
{
	const struct ranked *left = a, *right = b;
	return (left->score < right->score) - (left->score > right->score);
}

/* The share of positives among the first x of the rows; ties count by their share. */
static void gain_curve(const struct report_row *row, const uint8_t *labels,
		       struct svg_point points[CURVE_POINTS + 1])
{
	size_t count = row->judgement.count;
	struct ranked *ranked = check_calloc(count + 1, sizeof *ranked);
	double *found = check_calloc(count + 1, sizeof *found);
	for (size_t i = 0; i < count; i++)
		ranked[i] = (struct ranked){ row->probabilities[i], labels[i] };
	qsort(ranked, count, sizeof *ranked, by_falling_score);
	for (size_t begin = 0; begin < count;) {
		size_t end = begin;
		double positive = 0;
		while (end < count && ranked[end].score == ranked[begin].score)
			positive += ranked[end++].label;
		for (size_t i = begin; i < end; i++)
			found[i + 1] = found[i] + positive / (double)(end - begin);
		begin = end;
	}
	for (size_t k = 0; k <= CURVE_POINTS; k++)
		points[k] = (struct svg_point){ (double)k / CURVE_POINTS,
						found[k * count / CURVE_POINTS] / found[count], 0 };
	free(found);
	free(ranked);
}

static struct err *lift_chart(const char *folder, const struct report_row *rows, size_t count,
			      const uint8_t *labels)
{
	struct svg_point points[GAIN_ROWS_MAX][CURVE_POINTS + 1];
	char subtitle[160];
	struct svg_chart chart = {
		.title = "Lift: how many are found by looking at how few",
		.subtitle = subtitle,
		.x = { "share of rows looked at, the likeliest first", SVG_PERCENT, 0, 1 },
		.y = { "share of the positives found", SVG_PERCENT, 0, 1 },
		.layer_count = 1,
		.layers = { { SVG_DASHES, "by chance", diagonal, 2 } },
	};
	snprintf(subtitle, sizeof subtitle,
		 "The first tenth holds %.1f times as many as chance (%s)",
		 rows[count - 1].judgement.lift, rows[count - 1].name);
	for (size_t i = 0; i < count && i < GAIN_ROWS_MAX; i++) {
		const struct report_row *row = &rows[count - 1 - i];
		if (row->judgement.auc == 0.5) /* a constant is the diagonal */
			continue;
		gain_curve(row, labels, points[i]);
		chart.layers[chart.layer_count++] =
			(struct svg_layer){ SVG_LINE, row->name, points[i], CURVE_POINTS + 1 };
	}
	return chart_write(folder, "lift.svg", &chart);
}

struct err *report_charts(const char *folder, const struct report_row *rows, size_t count,
			  const uint8_t *labels)
{
	struct err *err = calibration_chart(folder, &rows[count - 1]);
	return err != NULL ? err : lift_chart(folder, rows, count, labels);
}

/* ---- predictions ---- */

struct err *report_open(const char *path, FILE **file)
{
	*file = fopen(path, "w");
	if (*file == NULL)
		return err_new(ERR_FATAL, "FILE", "%s can't be written: %s", path, strerror(errno));
	fprintf(*file, "id,probability,reasons\n");
	return NULL;
}

struct err *report_close(const char *path, FILE **file)
{
	if (*file == NULL)
		return NULL;
	bool failed = ferror(*file) != 0;
	failed |= fclose(*file) != 0;
	*file = NULL;
	return failed ? err_new(ERR_FATAL, "FILE", "%s can't be written to its end", path) : NULL;
}

/* A field between quotes, or bare where it needs none. */
static void print_field(FILE *file, struct bytes text)
{
	bool quoted = false;
	for (size_t i = 0; i < text.len; i++)
		quoted |= text.data[i] == ',' || text.data[i] == '"' || text.data[i] == '\n' ||
			  text.data[i] == '\r';
	if (quoted)
		fputc('"', file);
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] == '"')
			fputc('"', file);
		fputc(text.data[i], file);
	}
	if (quoted)
		fputc('"', file);
}

void report_predict(FILE *file, struct bytes id, double probability, const double *contributions,
		    size_t column_count,
		    void (*text)(const void *context, size_t column, char *out, size_t out_max),
		    const void *context)
{
	char reasons[REPORT_REASONS * (REASON_LEN_MAX + 40)], about[REASON_LEN_MAX];
	size_t chosen[REPORT_REASONS], count = 0, len = 0;
	while (count < REPORT_REASONS) {
		size_t best = column_count;
		for (size_t j = 0; j < column_count; j++) {
			bool taken = false;
			for (size_t k = 0; k < count; k++)
				taken |= chosen[k] == j;
			if (!taken && fabs(contributions[j]) >= contribution_min &&
			    (best == column_count ||
			     fabs(contributions[j]) > fabs(contributions[best])))
				best = j;
		}
		if (best == column_count)
			break;
		chosen[count++] = best;
	}
	for (size_t k = 0; k < count; k++) {
		double odds = dm_exp(contributions[chosen[k]]);
		text(context, chosen[k], about, sizeof about);
		len += (size_t)snprintf(reasons + len, sizeof reasons - len, "%s%s (odds x%.2f)",
					k > 0 ? "; " : "", about, odds);
	}
	if (count == 0)
		len = (size_t)snprintf(reasons, sizeof reasons, "nothing stands out");
	print_field(file, id);
	fprintf(file, ",%.6f,", probability);
	print_field(file, bytes_of(reasons, len));
	fputc('\n', file);
}

void report_predict_plain(FILE *file, struct bytes id, double probability, const char *reason)
{
	print_field(file, id);
	fprintf(file, ",%.6f,", probability);
	print_field(file, bytes_str(reason));
	fputc('\n', file);
}
