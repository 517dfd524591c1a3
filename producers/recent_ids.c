#include "producers/recent_ids.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"

/* A table of small groups: an identity has its place in one, and the oldest there gives way. */
enum { GROUP_LEN = 8, GROUP_COUNT = RECENT_COUNT_MAX / GROUP_LEN };

struct place {
	struct recent_id id;
	int64_t at_ms; /* 0: empty */
};

struct recent_ids {
	pthread_mutex_t lock;
	struct place places[GROUP_COUNT][GROUP_LEN];
};

struct recent_ids *recent_ids_new(void)
{
	struct recent_ids *ids = check_calloc(1, sizeof *ids);
	CHECK(pthread_mutex_init(&ids->lock, NULL) == 0);
	return ids;
}

void recent_ids_free(struct recent_ids **ids)
{
	if (*ids == NULL)
		return;
	pthread_mutex_destroy(&(*ids)->lock);
	free(*ids);
	*ids = NULL;
}

struct recent_id recent_id_of(struct bytes source, struct bytes event_id)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct recent_id id;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	CHECK(context != NULL && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1);
	/* sources have no NUL, so the pair can't be cut in two ways */
	CHECK(EVP_DigestUpdate(context, source.data, source.len) == 1 &&
	      EVP_DigestUpdate(context, "", 1) == 1 &&
	      EVP_DigestUpdate(context, event_id.data, event_id.len) == 1 &&
	      EVP_DigestFinal_ex(context, digest, NULL) == 1);
	EVP_MD_CTX_free(context);
	memcpy(id.digest, digest, sizeof id.digest);
	return id;
}

static struct place *group_of(struct recent_ids *ids, const struct recent_id *id)
{
	uint32_t number;
	memcpy(&number, id->digest, sizeof number);
	return ids->places[number % GROUP_COUNT];
}

bool recent_ids_has(struct recent_ids *ids, const struct recent_id *id, int64_t now_ms)
{
	bool found = false;
	pthread_mutex_lock(&ids->lock);
	const struct place *group = group_of(ids, id);
	for (size_t i = 0; i < GROUP_LEN; i++)
		found = found ||
			(group[i].at_ms != 0 && now_ms - group[i].at_ms < RECENT_WINDOW_MS &&
			 memcmp(&group[i].id, id, sizeof *id) == 0);
	pthread_mutex_unlock(&ids->lock);
	return found;
}

void recent_ids_add(struct recent_ids *ids, const struct recent_id *id, int64_t now_ms)
{
	pthread_mutex_lock(&ids->lock);
	struct place *group = group_of(ids, id), *oldest = group;
	for (size_t i = 0; i < GROUP_LEN; i++) {
		if (group[i].at_ms < oldest->at_ms)
			oldest = &group[i];
		if (memcmp(&group[i].id, id, sizeof *id) == 0) {
			oldest = &group[i];
			break;
		}
	}
	*oldest = (struct place){ *id, now_ms };
	pthread_mutex_unlock(&ids->lock);
}
