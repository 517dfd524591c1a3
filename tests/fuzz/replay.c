/* A fuzz target without libFuzzer, for `make test`: the kept corpus, and so many mutations of it by
 * a seed. What a target CHECKs, and what the sanitizers see, ends the program.
 *
 *   replay_NAME SEED COUNT FILE... */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/prng.h"

enum { INPUT_MAX = 256 * 1024, EDITS_MAX = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static size_t read_file(const char *path, uint8_t *data)
{
	FILE *file = fopen(path, "rb");
	CHECK(file != NULL);
	size_t len = fread(data, 1, INPUT_MAX, file);
	fclose(file);
	return len;
}

/* From memory of exactly that size, so that reading beyond it is seen. */
static void run(const uint8_t *data, size_t len)
{
	uint8_t *copy = check_malloc(len + (len == 0));
	memcpy(copy, data, len);
	LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

/* Some edits: a byte changed, a piece cut out, doubled, or taken from another place. */
static size_t mutate(struct prng *random, uint8_t *data, size_t len)
{
	uint32_t edits = 1 + prng_below(random, EDITS_MAX);
	for (uint32_t i = 0; i < edits && len > 0; i++) {
		size_t at = prng_below(random, (uint32_t)len);
		size_t piece = 1 + prng_below(random, (uint32_t)(len - at));
		if (piece > 64)
			piece = 64;
		switch (prng_below(random, 5)) {
		case 0: data[at] = (uint8_t)prng_next(random); break;
		case 1: data[at] ^= (uint8_t)(1u << prng_below(random, 8)); break;
		case 2:
			memmove(data + at, data + at + piece, len - at - piece);
			len -= piece;
			break;
		case 3:
			if (len + piece > INPUT_MAX)
				break;
			memmove(data + at + piece, data + at, len - at);
			len += piece;
			break;
		default:
			memmove(data + prng_below(random, (uint32_t)(len - piece + 1)), data + at,
				piece);
			break;
		}
	}
	return len;
}

int main(int argc, char **argv)
{
	CHECK(argc > 3);
	struct prng random = prng_new(strtoull(argv[1], NULL, 10), 1);
	const long count = strtol(argv[2], NULL, 10);
	uint8_t *data = check_malloc(INPUT_MAX);
	for (int i = 3; i < argc; i++)
		run(data, read_file(argv[i], data));
	for (long i = 0; i < count; i++) {
		size_t len = read_file(argv[3 + i % (argc - 3)], data);
		run(data, mutate(&random, data, len));
	}
	printf("%d files, %ld mutations\n", argc - 3, count);
	free(data);
	return 0;
}
