/* Trees as a challenger of the hazard model: on the lessons of the stream, in their order.
 *
 * The hazard model is tested on each lesson and then learns it, in batches of a week, as the learn
 * stage does it, so each lesson has a margin of before it was learnt. Trees are grown on top of
 * these (models/grove) with the first three quarters of the lessons, and both are tested on the
 * last quarter; then trees are grown anew with all. Lessons beyond CHALLENGE_LESSONS_MAX push out
 * the oldest.
 *
 * The same lessons give the same bits. Ownership: a challenge owns what it keeps. Threads: one. */
#ifndef EVALUATE_CHALLENGE_H
#define EVALUATE_CHALLENGE_H

#include "base/bytes.h"
#include "models/hazard.h"

enum { CHALLENGE_LESSONS_MAX = 60000, CHALLENGE_LESSONS_MIN = 1000 };

struct challenge;

struct challenge *challenge_new(void);
void challenge_free(struct challenge **challenge);

/* The next lesson. held: whether its account is among those by which the trees are chosen. */
void challenge_take(struct challenge *challenge, const double features[FEATURE_COUNT],
		    int64_t matured_ms, bool ended, bool held);

struct challenge_report {
	int64_t lesson_count, ended_count;	   /* kept */
	int64_t tested_count, tested_ended;	   /* the last quarter */
	double base_loss, hazard_loss, trees_loss; /* means there; of the base rate before it */
	double trees_error; /* expected calibration error there, of the model with trees */
	bool is_better;	    /* the trees, by more than a thousandth, also than the base rate */
	int64_t matured_ms; /* of the last lesson */
	/* The hazard model after all lessons, with the trees that were grown with all. */
	struct hazard_model model;
};

/* False where there are too few lessons. */
bool challenge_end(struct challenge *challenge, struct challenge_report *report);

#endif
