#include "simulate/tell.h"

#include "base/check.h"
#include "base/phrase.h"
#include "base/timestamp.h"

struct source_event *tell_begin(struct teller *teller, enum feed feed, const char *type,
				const char *scheme, const char *subject, int64_t at_ms)
{
	struct source_event *event = &teller->event;
	teller->feed = feed;
	teller->link = POST_LINKED;
	teller->not_before_ms = at_ms;
	event->source = bytes_str(feed_facts[feed].source);
	event->type = bytes_str(type);
	event->subject = bytes_str(subject);
	event->subject_scheme = bytes_str(scheme);
	event->event_ms = at_ms;
	event->has_amount = event->has_quantity = event->has_value = false;
	event->currency = event->name = event->unit = event->trace_id = bytes_of(NULL, 0);
	event->attr_count = event->identifier_count = 0;
	event->has_crm = event->has_erp = event->has_iot = event->has_marketing = false;
	event->has_support = event->has_content = event->has_market = false;
	return event;
}

void tell_identifier(struct teller *teller, const char *scheme, const char *value)
{
	struct source_event *event = &teller->event;
	CHECK(event->identifier_count < IDENTIFIER_COUNT_MAX);
	event->identifiers[event->identifier_count++] =
		(struct identifier){ bytes_str(scheme), bytes_str(value) };
}

const char *tell_currency(const struct teller *teller)
{
	return region_facts[teller->account->customer.traits.region].currency;
}

int64_t tell_minor(const struct teller *teller, double eur_minor)
{
	/* round rates, fixed for the whole simulation */
	const char *currency = tell_currency(teller);
	double rate = currency[0] == 'C' ? 0.95 : currency[0] == 'P' ? 4.3 : 1;
	double minor = eur_minor * rate;
	return (int64_t)(minor < 0 ? minor - 0.5 : minor + 0.5);
}

void tell_amount(struct teller *teller, double eur_minor)
{
	teller->event.has_amount = true;
	teller->event.amount_minor = tell_minor(teller, eur_minor);
	teller->event.currency = bytes_str(tell_currency(teller));
}

/* "c17-4": the feed, the customer, the number of its event; unique within the source. */
static void put_event_id(struct teller *teller)
{
	char *id = teller->scratch + teller->scratch_len;
	struct phrase phrase = phrase_in(id, sizeof teller->scratch - teller->scratch_len);
	phrase_text(&phrase, teller->account == NULL ? "w" : "a");
	if (teller->account != NULL)
		phrase_int(&phrase, teller->account->identity.index, 1);
	phrase_text(&phrase, "-");
	phrase_int(&phrase, ++teller->serials[teller->feed], 1);
	teller->event.event_id = bytes_of(id, phrase_end(&phrase));
}

void tell_send(struct teller *teller)
{
	if (teller->err == NULL) {
		put_event_id(teller);
		teller->err = post_send(teller->post, teller->feed, &teller->event,
					teller->not_before_ms, teller->link);
	}
	teller->scratch_len = 0;
}

static struct phrase scratch_begin(struct teller *teller)
{
	CHECK(teller->scratch_len + 128 < sizeof teller->scratch);
	return phrase_in(teller->scratch + teller->scratch_len, 127);
}

static const char *scratch_end(struct teller *teller, struct phrase *phrase)
{
	size_t len = phrase_end(phrase);
	teller->scratch_len += len + 1;
	return phrase->start;
}

const char *tell_number(struct teller *teller, const char *before, int64_t number, int64_t second)
{
	struct phrase phrase = scratch_begin(teller);
	phrase_text(&phrase, before);
	phrase_int(&phrase, number, 1);
	if (second >= 0) {
		phrase_text(&phrase, "-");
		phrase_int(&phrase, second, 1);
	}
	return scratch_end(teller, &phrase);
}

const char *tell_copy(struct teller *teller, const char *text)
{
	struct phrase phrase = scratch_begin(teller);
	phrase_text(&phrase, text);
	return scratch_end(teller, &phrase);
}

const char *tell_mail(struct teller *teller, int contact)
{
	char mail[IDENTITY_MAIL_MAX];
	bool untidy = prng_chance(teller->random, 0.05);
	identity_mail(&teller->account->identity, contact, untidy, mail);
	return tell_copy(teller, mail);
}

int64_t tell_moment(struct teller *teller, int from_hour, int until_hour)
{
	uint32_t span = (uint32_t)((until_hour - from_hour) * MS_PER_HOUR);
	return teller->today_ms + from_hour * MS_PER_HOUR + prng_below(teller->random, span);
}

int64_t tell_day_ms(const struct teller *teller, int day)
{
	return teller->start_ms + day * MS_PER_DAY;
}

enum post_link tell_link(const struct account *account, enum linked_system system)
{
	const struct identity *identity = &account->identity;
	if (system == SYSTEM_ERP || system == SYSTEM_DEVICES) {
		if (!identity->is_linked[SYSTEM_ERP] ||
		    (system == SYSTEM_DEVICES && !identity->is_linked[SYSTEM_DEVICES]))
			return POST_UNLINKED;
		return identity->is_erp_mislinked ? POST_MISLINKED : POST_LINKED;
	}
	/* the product's accounts are linked by a mail address */
	if (!identity->is_linked[system] ||
	    (system == SYSTEM_PRODUCT && !identity->is_linked[SYSTEM_MAILS]))
		return POST_UNLINKED;
	return POST_LINKED;
}
