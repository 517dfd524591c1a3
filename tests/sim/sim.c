/* Simulated runs by seed: see tests/sim/world.h and docs/HACKING.md.
 *
 *   sim SEED                    one run, told step by step
 *   sim FIRST COUNT [JOBS]      as many, over JOBS processes; stops at the first that fails
 *
 * Exit code: 0 all as expected, 1 a seed failed (named on stdout), 2 usage. */
#define _XOPEN_SOURCE 700 /* nftw */

#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/timestamp.h"
#include "tests/sim/world.h"

enum {
	JOBS_MAX = 64,
	SAY_MS = 5000,
	FAILURE_MAX = 4096,
	LOOK_US = 20000,
	SEED_S_MAX = 120, /* a run that takes longer will never end */
};

/* What a job tells, in memory that all share. */
struct job {
	pid_t child;
	_Atomic uint64_t seed; /* under way */
	_Atomic int64_t done;
	struct world_counts counts;
	char failure[FAILURE_MAX]; /* "": none */
};

struct runs {
	uint64_t first;
	int64_t count;
	size_t job_count;
	struct job *jobs;
	_Atomic bool *stop;
};

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *ftw)
{
	(void)status;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void make_folder(char folder[64])
{
	const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	snprintf(folder, 64, "%s/foretell-sim-XXXXXX", base);
	CHECK(mkdtemp(folder) != NULL);
}

static int run_one(uint64_t seed)
{
	char folder[64];
	struct registry *registry = NULL;
	struct world_counts counts = { 0 };
	make_folder(folder);
	struct err *err = registry_open(NULL, &registry);
	CHECK(err == NULL);
	char *failure = world_run(seed, registry, folder, stdout, &counts);
	printf("seed %" PRIu64 ": %s\n", seed, failure == NULL ? "as expected" : failure);
	int code = failure == NULL ? 0 : 1;
	free(failure);
	registry_close(&registry);
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	return code;
}

/* A child: every JOBS-th seed. */
static void run_job(const struct runs *runs, size_t index, const char *folder)
{
	struct job *job = &runs->jobs[index];
	struct registry *registry = NULL;
	struct err *err = registry_open(NULL, &registry);
	CHECK(err == NULL);
	char own[128];
	snprintf(own, sizeof own, "%s/%zu", folder, index);
	for (int64_t i = (int64_t)index; i < runs->count && !atomic_load(runs->stop);
	     i += (int64_t)runs->job_count) {
		uint64_t seed = runs->first + (uint64_t)i;
		atomic_store(&job->seed, seed);
		alarm(SEED_S_MAX);
		char *failure = world_run(seed, registry, folder, NULL, &job->counts);
		atomic_fetch_add(&job->done, 1);
		if (failure == NULL)
			continue;
		snprintf(job->failure, sizeof job->failure, "%s", failure);
		free(failure);
		atomic_store(runs->stop, true);
		break;
	}
	registry_close(&registry);
}

static void start_jobs(const struct runs *runs, char folders[][64])
{
	for (size_t i = 0; i < runs->job_count; i++) {
		make_folder(folders[i]);
		fflush(stdout);
		pid_t child = fork();
		CHECK(child >= 0);
		if (child == 0) {
			run_job(runs, i, folders[i]);
			exit(0); /* with the sanitizer's look at what leaked */
		}
		runs->jobs[i].child = child; /* shared: the child must not write it, too */
	}
}

static int64_t done_count(const struct runs *runs)
{
	int64_t done = 0;
	for (size_t i = 0; i < runs->job_count; i++)
		done += atomic_load(&runs->jobs[i].done);
	return done;
}

static void note_end(const struct runs *runs, pid_t child, int status)
{
	for (size_t i = 0; i < runs->job_count; i++) {
		struct job *job = &runs->jobs[i];
		if (job->child != child || (WIFEXITED(status) && WEXITSTATUS(status) == 0))
			continue;
		atomic_store(runs->stop, true);
		snprintf(job->failure, sizeof job->failure, "the simulator died (%s %d)",
			 WIFSIGNALED(status) ? "signal" : "exit code",
			 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	}
}

static void await_jobs(const struct runs *runs)
{
	size_t left = runs->job_count;
	int64_t began_ms = time_monotonic_ms(), said_ms = began_ms;
	while (left > 0) {
		int status = 0;
		pid_t ended = waitpid(-1, &status, WNOHANG);
		if (ended > 0) {
			note_end(runs, ended, status);
			left--;
			continue;
		}
		usleep(LOOK_US);
		if (time_monotonic_ms() - said_ms < SAY_MS)
			continue;
		said_ms = time_monotonic_ms();
		printf("# %" PRId64 " of %" PRId64 " seeds, %" PRId64 " s\n", done_count(runs),
		       runs->count, (said_ms - began_ms) / 1000);
		fflush(stdout);
	}
}

static void print_counts(const struct runs *runs)
{
	struct world_counts sum = { 0 };
	for (size_t i = 0; i < runs->job_count; i++) {
		const struct world_counts *counts = &runs->jobs[i].counts;
		sum.turns += counts->turns;
		sum.commits += counts->commits;
		sum.aborts += counts->aborts;
		sum.kills += counts->kills;
		sum.zombies += counts->zombies;
		sum.revoked += counts->revoked;
		sum.lost += counts->lost;
		sum.restored += counts->restored;
		sum.replayed += counts->replayed;
		sum.followed += counts->followed;
	}
	printf("# %" PRId64 " turns, %" PRId64 " commits, %" PRId64 " recoveries, %" PRId64
	       " kills, %" PRId64 " zombies, %" PRId64 " revocations, %" PRId64 " losses, %" PRId64
	       " states restored, %" PRId64 " records replayed, %" PRId64 " followed\n",
	       sum.turns, sum.commits, sum.aborts, sum.kills, sum.zombies, sum.revoked, sum.lost,
	       sum.restored, sum.replayed, sum.followed);
}

/* The lowest seed that failed, of those that were tried. */
static int report(const struct runs *runs)
{
	const struct job *failed = NULL;
	for (size_t i = 0; i < runs->job_count; i++) {
		const struct job *job = &runs->jobs[i];
		if (job->failure[0] != '\0' && (failed == NULL || job->seed < failed->seed))
			failed = job;
	}
	print_counts(runs);
	if (failed == NULL) {
		printf("%" PRId64 " seeds from %" PRIu64 ": as expected\n", done_count(runs),
		       runs->first);
		return 0;
	}
	printf("failed seed %" PRIu64 " after %" PRId64 " seeds: %s\nagain: make sim SEED=%" PRIu64
	       "\n",
	       failed->seed, done_count(runs), failed->failure, failed->seed);
	return 1;
}

static int run_many(struct runs *runs)
{
	static char folders[JOBS_MAX][64];
	size_t size = sizeof(struct job) * JOBS_MAX + sizeof *runs->stop;
	char *shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	runs->jobs = (struct job *)(void *)shared;
	runs->stop = (_Atomic bool *)(shared + sizeof(struct job) * JOBS_MAX);
	start_jobs(runs, folders);
	await_jobs(runs);
	for (size_t i = 0; i < runs->job_count; i++)
		nftw(folders[i], remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	int code = report(runs);
	munmap(shared, size);
	return code;
}

static bool number(const char *text, uint64_t *out)
{
	char *end = NULL;
	*out = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && *end == '\0';
}

int main(int argc, char **argv)
{
	uint64_t words[3] = { 0, 0, 1 };
	bool valid = argc >= 2 && argc <= 4;
	for (int i = 1; valid && i < argc; i++)
		valid = number(argv[i], &words[i - 1]);
	if (!valid || words[2] == 0 || words[2] > JOBS_MAX) {
		fputs("usage: sim SEED | sim FIRST COUNT [JOBS]\n", stderr);
		return 2;
	}
	if (argc == 2) {
		log_set_level(LOG_DEBUG);
		return run_one(words[0]);
	}
	log_set_level(LOG_OFF);
	struct runs runs = { words[0], (int64_t)words[1], (size_t)words[2], NULL, NULL };
	return run_many(&runs);
}
