/* Where a process keeps its state, and the name that lies beside it: made once, kept, and told of
 * where it can't be had. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "cli/identity.h"

enum { PATH_MAX_LEN = 256 };

/* A folder of its own with a blank and a letter beyond ASCII in its name. */
struct place {
	char folder[PATH_MAX_LEN], name[PATH_MAX_LEN + 16], fresh[PATH_MAX_LEN + 32];
};

static int set_up(void **state)
{
	struct place *place = check_calloc(1, sizeof *place);
	snprintf(place->folder, sizeof place->folder, "/tmp/foretell plätze-XXXXXX");
	CHECK(mkdtemp(place->folder) != NULL);
	snprintf(place->name, sizeof place->name, "%s/app.instance", place->folder);
	snprintf(place->fresh, sizeof place->fresh, "%s.new", place->name);
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	const struct place *place = *state;
	(void)unlink(place->name);
	(void)unlink(place->fresh);
	CHECK(rmdir(place->folder) == 0);
	free(*state);
	return 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void a_name_is_made_once(void **state)
{
	const struct place *place = *state;
	char first[IDENTITY_LEN + 1], second[IDENTITY_LEN + 1];
	write_file(place->fresh, "what an earlier process left behind when it was killed");
	assert_null(identity_load(place->name, first));
	assert_int_equal(strlen(first), IDENTITY_LEN);
	assert_null(identity_load(place->name, second));
	assert_string_equal(first, second);
}

static void a_damaged_name_is_told(void **state)
{
	const struct place *place = *state;
	char name[IDENTITY_LEN + 1];
	write_file(place->name, "0123");
	struct err *err = identity_load(place->name, name);
	assert_non_null(err);
	assert_string_equal(err_code(err), "IDENTITY");
	assert_non_null(strstr(err_text(err), place->name));
	assert_non_null(strstr(err_text(err), "delete it"));
	err_free(&err);
}

/* A limit on the size of files stands for the disk. */
static void a_full_disk_leaves_no_damaged_name(void **state)
{
	const struct place *place = *state;
	char name[IDENTITY_LEN + 1];
	struct rlimit limit, none;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	struct err *err = identity_load(place->name, name);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_non_null(err);
	assert_string_equal(err_code(err), "IDENTITY");
	err_free(&err);
	assert_null(identity_load(place->name, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_name_is_made_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_damaged_name_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_full_disk_leaves_no_damaged_name, set_up,
						tear_down),
	};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
