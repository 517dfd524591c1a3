#include "cli/status_report.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "base/timestamp.h"

enum { PROC_TEXT_MAX = 1024, START_TIME_FIELD = 22 };

/* ---- the process ---------------------------------------------------------------------------- */

static bool read_text(const char *path, char text[PROC_TEXT_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, PROC_TEXT_MAX - 1);
	if (fd >= 0)
		close(fd);
	text[len > 0 ? len : 0] = '\0';
	return len > 0;
}

/* Field `number` (from 1) of a line of blanks; NULL where there is none. */
static const char *field_of(const char *text, int number)
{
	for (int i = 1; text != NULL && i < number; i++) {
		text = strchr(text, ' ');
		text = text == NULL ? NULL : text + 1;
	}
	return text;
}

/* When the process was started, in wall time: /proc has it in ticks since the machine's start. */
static int64_t started_wall_ms(int64_t now_wall_ms)
{
	char text[PROC_TEXT_MAX];
	if (!read_text("/proc/self/stat", text))
		return 0;
	/* the second field is the program's name, which may hold blanks; the third follows its ) */
	const char *third = strrchr(text, ')');
	const char *field = third == NULL ? NULL : field_of(third + 2, START_TIME_FIELD - 2);
	if (field == NULL)
		return 0;
	struct timespec since_boot;
	clock_gettime(CLOCK_BOOTTIME, &since_boot);
	int64_t boot_ms = (int64_t)since_boot.tv_sec * 1000 + since_boot.tv_nsec / 1000000;
	int64_t start_ms = (int64_t)strtoull(field, NULL, 10) * 1000 / sysconf(_SC_CLK_TCK);
	return now_wall_ms - (boot_ms - start_ms);
}

static int64_t count_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	int64_t count = -1; /* the folder's own */
	while (folder != NULL && readdir(folder) != NULL)
		count++;
	if (folder != NULL)
		closedir(folder);
	return count > 2 ? count - 2 : 0; /* . and .. */
}

static int64_t micros(struct timeval time)
{
	return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static void take_process(struct status_process *process, int64_t now_wall_ms)
{
	char text[PROC_TEXT_MAX];
	struct rusage usage;
	if (read_text("/proc/self/statm", text)) {
		char *end;
		int64_t page = sysconf(_SC_PAGESIZE);
		process->virtual_bytes = strtoll(text, &end, 10) * page;
		process->resident_bytes = strtoll(end, NULL, 10) * page;
	}
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		process->cpu_us = micros(usage.ru_utime) + micros(usage.ru_stime);
	process->open_fds = count_fds();
	process->started_wall_ms = started_wall_ms(now_wall_ms);
}

/* What the files of a folder take on disk. RocksDB deletes some while this looks. */
static int64_t folder_bytes(const char *path)
{
	DIR *folder = opendir(path);
	int64_t bytes = 0;
	if (folder == NULL)
		return 0;
	struct stat stat;
	const struct dirent *entry;
	while ((entry = readdir(folder)) != NULL)
		if (fstatat(dirfd(folder), entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(stat.st_mode))
			bytes += (int64_t)stat.st_blocks * 512; /* the unit of st_blocks */
	closedir(folder);
	return bytes;
}

/* ---- the stages ----------------------------------------------------------------------------- */

static void take_tasks(struct status_stage *stage)
{
	struct task_figures *tasks = check_malloc(TASKS_MAX * sizeof *tasks);
	stage->task_count = stats_tasks(stage->stage.stats, tasks);
	stage->tasks = check_realloc(tasks, (stage->task_count + 1) * sizeof *tasks);
	stage->live = true;
	for (size_t i = 0; i < stage->task_count; i++) {
		const struct task_figures *task = &stage->tasks[i];
		stage->live = stage->live && task->live;
		if (stage->lag >= 0)
			stage->lag = task->lag < 0 ? -1 : stage->lag + task->lag;
		stage->replay_distance += task->x > task->y ? task->x - task->y : 0;
	}
}

static void take_stage(struct status_stage *stage, int64_t now_ms)
{
	const struct worker_stats *stats = stage->stage.stats;
	int64_t alive_ms = stats_get(&stats->alive_ms);
	stage->phase = stats_phase(stats);
	stage->alive_age_ms = alive_ms == 0 ? -1 : now_ms - alive_ms;
	take_tasks(stage);
	stats_abort_last(stage->stage.stats, &stage->abort);
	/* A member that got nothing hears of no assignment: only its client knows. */
	const struct client_stats *consumer = stage->stage.consumer;
	stage->joined = stage->phase == PHASE_RUNNING ||
			(stage->phase == PHASE_JOINING && stats_get(&consumer->assigned) == 0 &&
			 atomic_load(&consumer->join) == CLIENT_JOIN_STEADY);
	stage->ready = stage->joined && stage->live;
}

static void add_store(struct status_report *report, struct line *line, size_t worker)
{
	const char *path;
	struct store_memory memory, *sum = &report->store_memory;
	store_memory(line_store(line, worker, &path), &memory);
	sum->write_buffers += memory.write_buffers;
	sum->block_cache += memory.block_cache;
	sum->table_readers += memory.table_readers;
	sum->background_errors += memory.background_errors;
	report->store_disk_bytes += folder_bytes(path);
}

void status_report_take(const struct status_source *source, struct status_report *report)
{
	*report = (struct status_report){
		.app_id = source->app_id,
		.instance = line_instance(source->line),
		.now_wall_ms = time_wall_ms(),
		.now_ms = time_monotonic_ms(),
		.stage_count = line_seat_count(source->line),
	};
	for (size_t i = 0; i < report->stage_count; i++) {
		line_stage(source->line, i, &report->stages[i].stage);
		take_stage(&report->stages[i], report->now_ms);
	}
	for (size_t i = 0; i < line_worker_count(source->line); i++)
		add_store(report, source->line, i);
	take_process(&report->process, report->now_wall_ms);
}

void status_report_fini(struct status_report *report)
{
	for (size_t i = 0; i < report->stage_count; i++)
		free(report->stages[i].tasks);
	*report = (struct status_report){ .stage_count = 0 };
}

/* ---- judgements ----------------------------------------------------------------------------- */

static void say(FILE *why, const struct status_stage *stage, const char *what)
{
	if (why != NULL)
		fprintf(why, "%s: %s\n", stage->stage.name, what);
}

static bool stage_healthy(const struct status_stage *stage, FILE *why)
{
	if (stage->phase == PHASE_BROKEN) {
		say(why, stage, "ended by an error, which the log names");
		return false;
	}
	if (stage->phase == PHASE_ENDED || stage->alive_age_ms <= HEALTH_STALL_MS)
		return true;
	if (why != NULL)
		fprintf(why, "%s: no progress for %" PRId64 " s\n", stage->stage.name,
			stage->alive_age_ms / 1000);
	return false;
}

static bool stage_ready(const struct status_stage *stage, FILE *why)
{
	if (!stage->ready)
		say(why, stage, stage->joined ? "replaying" : worker_phase_name(stage->phase));
	return stage->ready;
}

bool status_report_healthy(const struct status_report *report, FILE *why)
{
	bool healthy = true;
	for (size_t i = 0; i < report->stage_count; i++)
		healthy = stage_healthy(&report->stages[i], why) && healthy;
	return healthy;
}

bool status_report_ready(const struct status_report *report, FILE *why)
{
	bool ready = true;
	for (size_t i = 0; i < report->stage_count; i++)
		ready = stage_ready(&report->stages[i], why) && ready;
	return ready;
}
