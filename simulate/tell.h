/* Telling of a customer's day: what all reports of the simulated company share.
 *
 * A teller is about one customer and one day. It has its own random numbers (a customer's `talk`),
 * so that what is told never changes what happens. An event is begun, filled in and sent; the texts
 * made for it live until it is sent. The first error is kept, and nothing is told after it.
 *
 * Ownership: all is borrowed. Threads: one. */
#ifndef SIMULATE_TELL_H
#define SIMULATE_TELL_H

#include "simulate/identity.h"
#include "simulate/post.h"
#include "simulate/truth.h"

enum { ANOMALY_NONE, ANOMALY_SPIKE, ANOMALY_STUCK, ANOMALY_DRIFT, ANOMALY_SURGE };

/* One of the simulated company's customers, with all that is known of it. */
struct account {
	struct customer customer;
	struct identity identity;
	struct prng talk;
	uint32_t serials[FEED_COUNT]; /* events told, for their ids */
	uint32_t order_serial, ticket_serial;
	int anomaly, anomaly_device, anomaly_days; /* kind, where, days left */
	bool is_introduced;			   /* its systems have been told of it */
	int left_day;				   /* -1: it hasn't */
};

struct teller {
	struct post *post;
	struct truth *truth; /* may be NULL */
	const struct world *world;
	struct account *account; /* NULL: the event is about no customer */
	const struct customer_day *day;
	struct prng *random;		    /* the account's talk, or the world's */
	int64_t start_ms, today_ms, end_ms; /* end: what comes later is never delivered */
	uint32_t *serials;		    /* the account's, or the world's */
	enum feed feed;
	int64_t not_before_ms; /* earliest delivery; set by tell_begin to the event's time */
	enum post_link link;
	struct source_event event;
	size_t scratch_len;
	char scratch[2048];
	struct err *err;
};

/* Begins an event that happens at `at_ms`; `scheme` is the kind of name that `subject` is. Texts
 * are borrowed until tell_send. */
struct source_event *tell_begin(struct teller *teller, enum feed feed, const char *type,
				const char *scheme, const char *subject, int64_t at_ms);

/* One more name of the same customer. */
void tell_identifier(struct teller *teller, const char *scheme, const char *value);

/* An amount in the customer's own currency, from EUR cents. */
void tell_amount(struct teller *teller, double eur_minor);

void tell_send(struct teller *teller);

/* "before" + number (+ "-" + second where it is not negative); lives until tell_send. */
const char *tell_number(struct teller *teller, const char *before, int64_t number, int64_t second);
const char *tell_copy(struct teller *teller, const char *text);
/* A mail address of the customer, as somebody types it; lives until tell_send. */
const char *tell_mail(struct teller *teller, int contact);

/* A moment of today, between two hours (UTC). */
int64_t tell_moment(struct teller *teller, int from_hour, int until_hour);

int64_t tell_day_ms(const struct teller *teller, int day);

/* Amounts of the customer's currency for EUR cents. */
int64_t tell_minor(const struct teller *teller, double eur_minor);
const char *tell_currency(const struct teller *teller);

/* Whether a system's name of the customer leads to it. */
enum post_link tell_link(const struct account *account, enum linked_system system);

#endif
