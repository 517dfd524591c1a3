/* Fuzz target: two schemas with a NUL between them, compared both ways. Nothing may crash or take
 * long, and a schema can always read what it writes itself. */
#include <stdlib.h>

#include "base/check.h"
#include "schemas/compat.h"

enum { TEXT_MAX = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool parse(const char *text, struct schema **schema, const struct schema_node **root)
{
	struct err *err = schema_parse(text, schema, root);
	bool good = err == NULL;
	err_free(&err);
	return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (len > TEXT_MAX)
		return 0;
	char *texts = check_calloc(1, len + 2);
	if (len > 0)
		memcpy(texts, data, len);
	const char *second = texts + strlen(texts) + 1;
	struct compat *compat = check_malloc(sizeof *compat);
	struct schema *one = NULL, *other = NULL;
	const struct schema_node *one_root, *other_root;
	if (parse(texts, &one, &one_root)) {
		compat_check(one_root, one_root, compat);
		CHECK(compat->fault_count == 0 && compat->unread_count == 0);
		if (second < texts + len && parse(second, &other, &other_root)) {
			compat_check(one_root, other_root, compat);
			compat_check(other_root, one_root, compat);
		}
	}
	schema_free(&one);
	schema_free(&other);
	free(compat);
	free(texts);
	return 0;
}
