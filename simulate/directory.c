#include "simulate/directory.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/hash.h"

enum { NAMES_A_CUSTOMER = 40 };

struct known {
	uint64_t hash; /* 0: free */
	uint32_t number;
};

struct directory {
	size_t slot_count;
	struct known slots[];
};

static uint64_t name_hash(struct bytes name)
{
	uint8_t lower[IDENTITY_MAIL_MAX];
	size_t len = name.len < sizeof lower ? name.len : sizeof lower;
	for (size_t i = 0; i < len; i++)
		lower[i] = (uint8_t)(name.data[i] >= 'A' && name.data[i] <= 'Z' ? name.data[i] + 32
										: name.data[i]);
	return hash_table64(bytes_of(lower, len)) | 1;
}

static size_t slot_of(const struct directory *directory, uint64_t hash)
{
	size_t at = hash % directory->slot_count;
	while (directory->slots[at].hash != 0 && directory->slots[at].hash != hash)
		at = (at + 1) % directory->slot_count;
	return at;
}

static void put(struct directory *directory, const char *name, uint32_t number)
{
	uint64_t hash = name_hash(bytes_str(name));
	directory->slots[slot_of(directory, hash)] = (struct known){ hash, number };
}

static void put_all(struct directory *directory, const struct identity *identity, uint32_t number)
{
	char text[IDENTITY_MAIL_MAX];
	put(directory, identity->crm, number);
	if (identity->crm_double[0] != '\0')
		put(directory, identity->crm_double, number);
	if (identity->is_linked[SYSTEM_ERP])
		put(directory, identity->erp, number);
	if (identity->is_linked[SYSTEM_COOKIE])
		put(directory, identity->cookie, number);
	if (identity->is_linked[SYSTEM_PRODUCT])
		put(directory, identity->product, number);
	for (int i = 0; identity->is_linked[SYSTEM_DEVICES] && i < DEVICES_MAX; i++) {
		identity_device(identity, i, text);
		put(directory, text, number);
	}
	for (int i = 0; identity->is_linked[SYSTEM_MAILS] && i < CONTACTS_MAX; i++) {
		identity_mail(identity, i, false, text);
		put(directory, text, number);
	}
}

struct directory *directory_new(const struct simulate_options *simulation)
{
	uint32_t count = simulation->account_count;
	size_t slot_count = (size_t)count * NAMES_A_CUSTOMER;
	int day_count = simulate_days(simulation->start_ms, simulation->month_count);
	const struct identity_options options = { .seed = simulation->seed,
						  .count = count,
						  .unlinked = simulation->unlinked,
						  .mislinked = simulation->mislinked,
						  .has_skew = simulation->has_skew };
	struct directory *directory =
		check_calloc(1, sizeof *directory + slot_count * sizeof directory->slots[0]);
	struct world world;
	struct customer customer;
	struct identity identity;
	directory->slot_count = slot_count;
	world_init(&world, simulation->seed, day_count, simulate_sales_count(count));
	for (uint32_t i = 0; i < count; i++) {
		customer_init(&customer, &world, simulation->seed, i, day_count);
		identity_init(&identity, &options, &customer, i);
		put_all(directory, &identity, i);
	}
	return directory;
}

void directory_free(struct directory **directory)
{
	free(*directory);
	*directory = NULL;
}

bool directory_find(const struct directory *directory, struct bytes name, uint32_t *number)
{
	const struct known *known = &directory->slots[slot_of(directory, name_hash(name))];
	*number = known->number;
	return known->hash != 0;
}
