/* Under which names the systems of the simulated company know a customer, and who links them.
 *
 * Every name is made up: domains end in .example, which nobody can own. The names of two customers
 * never meet, unless a link is planted wrong. A customer's own CRM identifier is its true name.
 *
 * Ownership: plain data; texts are terminated. Threads: pure. Errors: none. */
#ifndef SIMULATE_IDENTITY_H
#define SIMULATE_IDENTITY_H

#include "simulate/customer.h"

enum {
	IDENTITY_TEXT_MAX = 24,
	IDENTITY_NAME_MAX = 40,
	IDENTITY_MAIL_MAX = 72,
	IDENTITY_COUNT_MAX = 500000, /* customers of one simulation: so many names there are */
};

/* The systems whose link to the CRM account may be missing or wrong. */
enum linked_system {
	SYSTEM_ERP,
	SYSTEM_DEVICES,
	SYSTEM_MAILS,  /* of the marketing and support systems */
	SYSTEM_COOKIE, /* of the web site */
	SYSTEM_PRODUCT,
	SYSTEM_COUNT,
};

struct identity {
	uint32_t index;			    /* of the customer, from 0 */
	char name[IDENTITY_NAME_MAX];	    /* "Veltano Technik" */
	char domain[IDENTITY_NAME_MAX];	    /* "velta-technik.example" */
	char crm[IDENTITY_TEXT_MAX];	    /* "C-0000017", the true name */
	char crm_double[IDENTITY_TEXT_MAX]; /* a second record, merged later; "" where none */
	char erp[IDENTITY_TEXT_MAX];
	char tax[IDENTITY_TEXT_MAX];
	char phone[IDENTITY_TEXT_MAX];
	char cookie[IDENTITY_TEXT_MAX];
	char product[IDENTITY_TEXT_MAX]; /* the subscription's own account name */
	bool is_linked[SYSTEM_COUNT];
	bool is_erp_mislinked; /* its ERP customer and all behind it name mislinked_to's CRM id */
	uint32_t mislinked_to; /* index of another customer */
	bool erp_knows_crm;    /* links by the CRM id, else by the tax id */
	int64_t skew_ms;       /* of the clocks of its devices */
};

struct identity_options {
	uint64_t seed;
	uint32_t count;	  /* customers */
	double unlinked;  /* share of systems without a link, 0 to 1 */
	double mislinked; /* share of customers whose ERP link is wrong, 0 to 1 */
	bool has_skew;
};

void identity_init(struct identity *identity, const struct identity_options *options,
		   const struct customer *customer, uint32_t index);

/* The mail address of contact number `contact` (0 is the first) into mail, as the person writes it:
 * `untidy` in capitals and small letters at will. */
void identity_mail(const struct identity *identity, int contact, bool untidy,
		   char mail[IDENTITY_MAIL_MAX]);

/* The identifier of device number `device`. */
void identity_device(const struct identity *identity, int device, char text[IDENTITY_TEXT_MAX]);

/* The identifier of vehicle number `vehicle`, below VEHICLES_MAX. */
void identity_vehicle(const struct identity *identity, int vehicle, char text[IDENTITY_TEXT_MAX]);

/* The CRM identifier of the customer with that index. */
void identity_crm(uint32_t index, char text[IDENTITY_TEXT_MAX]);

#endif
