"""One trial: a cluster, workers, load, a plan of faults; then everything is compared."""

import collections
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
import traceback

from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource

from chaos import digest, load, monkey
from chaos.cluster import Cluster, Proxy, Trio
from chaos.workers import Worker
from lib.avro import decode
from lib.program import PARTITIONS
from lib.tap import Failure, check

APP, CLEAN = "chaos", "clean"
DAY_MS = 86400000
DAYS = 200
STUCK_S_MAX = 300         # a loaded machine takes its time, as long as something moves
CALM_S = 12.0             # without a new output: the line has come to its end
HANGING_S = 45.0          # longer than any transaction may take to be given up
RUN_S_MAX = 1800
EPILOGUE_EVENTS = 3000
DISK_BYTES = 192 << 20     # of which a quarter of what memory.max leaves must stay free
POISON_EVERY = 97
FORECASTS = ("forecasts", "forecast.accuracy", "forecast.series")
LATE_KEY = f"/{load.LATE_CURRENCY}/".encode()
OUTPUTS = digest.STREAMS + digest.BAGS + digest.TABLES
HELD = ("identity.events", "account.events", "accounts", "alerts", "scores", "series.points",
        "forecasts", "forecast.series", "examples", "lessons", "dlq")
STAGES = {"resolve": "erp.events", "identify": f"{APP}.identity.events",
          "account": f"{APP}.account.events"}
COMPACTED = ("accounts", "forecast.series", "resolve.meta", "identity.meta", "account.meta",
             "forecast.meta")
# Rewritten all the time, instead of weekly.
COMPACTION = {"segment.ms": "1500", "min.cleanable.dirty.ratio": "0.01",
              "max.compaction.lag.ms": "2000", "delete.retention.ms": "3000"}
COMMON = ("--inputs", "erp.events", "--clock", "data", "--tick.ms", str(DAY_MS),
          "--partitions", str(PARTITIONS))
# A dead member's partitions and transactions are given up within seconds, and states that do not
# fit into the cache come and go.
UNDER_TEST = ("--kafka.session.timeout.ms", str(monkey.SESSION_MS),
              "--kafka.heartbeat.interval.ms", "500", "--kafka.transaction.timeout.ms", "8000",
              "--commit.interval.ms", "20", "--cache.entries", "1000", "--memory.max", "512M",
              "--kafka.fetch.wait.max.ms", "20")

# One of them follows what it does not own, another has two workers a stage.
ONLY = {"w1": ("--standby", "all"), "w2": ("--workers", "2")}


def of_late_amounts(logical, key):
    """See load.LATE_CURRENCY."""
    return logical in FORECASTS and key is not None and LATE_KEY in key


class Options:
    """What is asked of a trial."""

    def __init__(self, seed, seconds, kills, rate=1000, worker_count=3, kinds=None, brokers=1):
        self.seed, self.seconds, self.kills, self.rate = seed, seconds, kills, rate
        self.brokers = brokers
        self.names = [f"w{i + 1}" for i in range(worker_count)]
        self.kinds = list(kinds or monkey.WEIGHTS)

    def plan(self):
        gap_s = monkey.BROKER_GAP_S if self.brokers == 1 else monkey.TRIO_GAP_S
        return monkey.make_plan(self.seed, self.seconds, self.kills, self.names, self.kinds, gap_s)

    def leave_out(self, what):
        """No faults whose kind `what` says yes to."""
        self.kinds = [kind for kind in self.kinds if not what(kind)]


class Trial:
    """`say` takes a line of text."""

    def __init__(self, options, say):
        self.options, self.say = options, say
        self.folder = tempfile.mkdtemp(prefix="chaos.")
        self.failures = []
        self.mounts = []
        self.event_ids, self.poison_count = [], 0

    # ---- the frame ---------------------------------------------------------------------------

    def execute(self, keep, again):
        """The exit code."""
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        self.say(f"seed {self.options.seed}: {self.options.seconds:g} s, at least "
                 f"{self.options.kills} kills, {len(self.options.names)} workers, "
                 f"{self.options.rate} events/s")
        try:
            self.run()
        except (Failure, Exception) as error:  # told below, with how to do it again
            if not isinstance(error, Failure):
                self.say(traceback.format_exc())
            self.failures.append(str(error))
        finally:
            self.unmount()
        for failure in self.failures:
            self.say(f"FAILED: {failure}")
        if self.failures:
            self.say(f"logs and states: {self.folder}")
            self.say(f"to do it again: {again}")
        elif keep:
            self.say(f"kept: {self.folder}")
        if not self.failures and not keep:
            shutil.rmtree(self.folder, ignore_errors=True)
        return 1 if self.failures else 0

    def one_broker(self, stack):
        proxy = stack.enter_context(Proxy(self.folder)) if Proxy.available() else None
        if proxy is None:
            self.say("no toxiproxy (tools/setup chaos): no network faults")
        restarts = any(kind.startswith("broker") for kind in self.options.kinds)
        if restarts and not Cluster.can_restart():
            self.say("no Kafka 3.9 (tools/setup chaos): the broker is not restarted")
            restarts = False
            self.options.leave_out(lambda kind: kind.startswith("broker"))
        return Cluster(self.folder, self.options.names, proxy, restarts)

    def three_brokers(self):
        self.options.leave_out(lambda kind: kind in monkey.NETWORK)
        return Trio(self.folder)

    def run(self):
        with contextlib.ExitStack() as stack:
            self.cluster = stack.enter_context(
                self.one_broker(stack) if self.options.brokers == 1 else self.three_brokers())
            self.workers = [Worker(name, self.folder, self.cluster.address_for(name),
                                   (*COMMON, *UNDER_TEST, *ONLY.get(name, ())))
                            for name in self.options.names]
            stack.callback(self.end_processes)
            self.prepare()
            self.torment()
            self.drain()
            self.epilogue()
            self.compare()

    def end_processes(self):
        for worker in self.workers:
            if worker.running():
                worker.kill()
        for usurped in getattr(self, "monkey", None) and self.monkey.usurped.values() or ():
            usurped.process.kill()
            usurped.process.wait()

    def unmount(self):
        for folder in self.mounts:
            subprocess.run(["umount", "-l", folder], check=False, capture_output=True)
        self.mounts = []

    # ---- before ------------------------------------------------------------------------------

    def call(self, app, *arguments, code=0, timeout=60, more=()):
        """A run of the program that ends by itself, in a folder of its own."""
        worker = Worker("caller", self.folder, self.cluster.address, (*COMMON, *more))
        done = subprocess.run(worker.command(app, *arguments), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=timeout, check=False,
                              cwd=self.folder)
        check(code is None or done.returncode == code,
              f"foretell {' '.join(arguments)} for {app}: exit code {done.returncode}; "
              f"{done.stdout[-800:]} {done.stderr[-2000:]}")
        return done

    def mount_disk(self, worker):
        """A small file system for its folder; None where that needs rights that are not there."""
        os.makedirs(worker.state)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs",
                               worker.state], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.say(f"no full disk: a file system can't be mounted ({done.stderr.strip()})")
            return {}
        self.mounts.append(worker.state)
        return {worker.name: worker.state}

    def compact_all_the_time(self):
        changes = [ConfigResource(ConfigResource.Type.TOPIC, f"{APP}.{logical}",
                                  incremental_configs=[
                                      ConfigEntry(name, value,
                                                  incremental_operation=AlterConfigOpType.SET)
                                      for name, value in COMPACTION.items()])
                   for logical in COMPACTED]
        for future in self.cluster.admin.incremental_alter_configs(changes).values():
            future.result(20)

    def prepare(self):
        self.call(APP, "topics", "create", "--inputs", "erp.events")
        self.compact_all_the_time()
        disks = {}
        if "disk-full" in self.options.kinds:
            disks = self.mount_disk(self.workers[-1])
        self.monkey = monkey.Monkey(APP, self.workers, self.cluster, self.say, disks)
        count = int(self.options.rate * self.options.seconds)
        rows = load.make_rows(count + EPILOGUE_EVENTS, DAYS, self.options.seed)
        self.rows, self.epilogue_rows = rows[:-EPILOGUE_EVENTS], rows[-EPILOGUE_EVENTS:]
        self.load = load.Load(self.cluster.address, self.rows, self.options.seconds, POISON_EVERY)

    # ---- the faults --------------------------------------------------------------------------

    def torment(self):
        for worker in self.workers:
            self.monkey.start(worker)
        for worker in self.workers[:1]:
            worker.await_text("partition assigned", 30)
        self.monkey.began = time.monotonic()
        self.load.start()
        self.monkey.run(self.options.plan())
        self.monkey.tell("everything is healed")
        self.monkey.heal()

    def ends(self):
        return sum(end for logical in OUTPUTS for end in
                   self.cluster.ends(f"{APP}.{logical}", committed=True).values())

    def places(self):
        """How far the stages have come: what each has committed."""
        return {stage: sum(self.cluster.committed(f"{APP}.{stage}", topic).values())
                for stage, topic in STAGES.items()}

    def drain(self):
        """Those who live go on to the end by themselves."""
        self.await_load(self.load)
        last, since, held_since = -1, time.monotonic(), time.monotonic()
        places, moved_since = None, time.monotonic()
        while time.monotonic() - since < CALM_S:
            before, places = places, self.places()
            if places != before:
                moved_since = time.monotonic()
            check(time.monotonic() - moved_since < STUCK_S_MAX,
                  f"no end of the outputs, and no stage has moved for {STUCK_S_MAX} s: {places}; "
                  f"{[worker.tail()[-600:] for worker in self.workers]}")
            self.monkey.turn()
            now, held = self.ends(), self.held()
            if now != last or not held:
                held_since = time.monotonic()
            if now != last or held or self.cluster.lag(f"{APP}.resolve", "erp.events") > 0:
                last, since = now, time.monotonic()
            check(time.monotonic() - held_since < HANGING_S, f"transactions that nobody ends hold "
                  f"{held}\n{held and self.cluster.producers(*held[0][:2])}")
            time.sleep(0.2)
        out = digest.counts(self.cluster, f"{APP}.account.events")
        self.monkey.tell(f"calm; {out} records in account.events for {len(self.event_ids)} events")
        for worker in self.workers:
            worker.terminate()
        for worker in self.workers:
            code = worker.finish(monkey.STOP_S_MAX)
            # One that was still looking for the broker says that it didn't find it.
            check(code == 0 or self.monkey.may_end(worker, code),
                  f"{worker.name}: exit code {code} after SIGTERM; {worker.tail()}")

    def held(self):
        """[(topic, partition, offset)] where an open transaction keeps readers from what follows.
        Nobody's is open when everything is processed."""
        found = []
        for topic in [f"{APP}.{logical}" for logical in HELD] + ["__consumer_offsets"]:
            ends = self.cluster.ends(topic, committed=False)
            found += [(topic, partition, stable) for partition, stable in
                      self.cluster.ends(topic, committed=True).items() if stable < ends[partition]]
        return found

    def await_load(self, loading):
        before, moved_since = -1, time.monotonic()
        while loading.is_alive():
            loading.join(1)
            if loading.taken_count != before:
                before, moved_since = loading.taken_count, time.monotonic()
            check(time.monotonic() - moved_since < STUCK_S_MAX,
                  f"the load has stopped at {before} of {loading.sent_count} records")
        check(loading.failed is None, f"the load failed: {loading.failed}")
        if loading.again_count > 0:
            self.monkey.tell(f"the load's client fell silent: {loading.again_count} records were "
                             "sent again by a new one")
        self.event_ids += loading.event_ids
        self.poison_count += loading.poison_count

    def epilogue(self):
        """States that are restored from the compacted topics alone must serve what follows."""
        for worker in self.workers:
            worker.wipe(APP, identity_too=True)
        more = load.Load(self.cluster.address, self.epilogue_rows, 0, POISON_EVERY,
                         first_serial=len(self.rows))
        more.start()
        self.await_load(more)
        self.cluster.produce("erp.events", [
            (b"end", load.end_of_input(self.rows[0].time_ms + (DAYS + 60) * DAY_MS), partition)
            for partition in range(PARTITIONS)])
        worker = self.workers[0]
        worker.start(APP, "--until-end")
        code = worker.finish(RUN_S_MAX)
        check(code == 0, f"the last run: exit code {code}; {worker.tail()}")
        check("states restored from their topics" in worker.text(),
              f"the last run restored nothing: {worker.tail()}")
        self.monkey.tell("restored from the topics alone, and run to the end")

    # ---- the comparison ----------------------------------------------------------------------

    def compare(self):
        began = time.monotonic()
        self.call(CLEAN, "run", "--from-beginning", "--until-end", timeout=RUN_S_MAX)
        self.monkey.tell(f"clean pass: {time.monotonic() - began:.1f} s")
        found = digest.differences(self.cluster, APP, CLEAN, free=of_late_amounts)
        for logical, differing, of, text in found:
            self.failures.append(f"{logical}: {differing} of {of} keys differ\n{text}")
        self.once()
        self.own_diff()
        self.report()
        for name, what, log, tail in self.monkey.unexpected:
            self.failures.append(f"{name} {what} ({log})\n{tail}")

    def once(self):
        """Events in = events out, once each; alerts once each; poison once each."""
        found = collections.Counter()
        for record in digest.stream(self.cluster, f"{APP}.account.events"):
            value = decode(record.value)
            if value.schema == "account_event":
                found[value["event_id"]] += 1
        sent = collections.Counter(self.event_ids)
        for what, ids in (("lost", sent - found), ("twice or unknown", found - sent)):
            if ids:
                self.failures.append(f"events {what}: {len(ids)}, e.g. {sorted(ids)[:5]}")
        alerts = [(value["alert_id"], value["revision"]) for value in
                  (decode(r.value) for r in digest.stream(self.cluster, f"{APP}.alerts"))]
        if digest.repeated(alerts):
            self.failures.append(f"alerts said twice: {digest.repeated(alerts)[:5]}")
        # Poison has no id: where the load sent some of it again, it may lie in the input twice.
        poison = sum(load.is_poison(record.value)
                     for record in digest.stream(self.cluster, load.TOPIC))
        dead = digest.counts(self.cluster, f"{APP}.dlq")
        if dead != poison or poison < self.poison_count:
            self.failures.append(f"{dead} dead letters of {poison} poisonous records, "
                                 f"{self.poison_count} of them made by the load")
        self.alert_count = len(alerts)

    def own_diff(self):
        """Ours has no word for series of late amounts, so topics of forecasts are left out."""
        done = self.call(APP, "diff", CLEAN, APP, code=None, timeout=RUN_S_MAX)
        rows = {row[0]: row[1:] for row in (t.split() for t in done.stdout.splitlines())
                if len(row) >= 5}
        for logical in ("alerts", "scores", "accounts"):
            if logical not in rows or any(int(n) for n in rows[logical][1:4]):
                self.failures.append(f"foretell diff: {logical}: {done.stdout[-3000:]}")

    def report(self):
        aborted = sum(digest.counts(self.cluster, f"{APP}.{logical}", "read_uncommitted") -
                      digest.counts(self.cluster, f"{APP}.{logical}")
                      for logical in ("account.events", "scores", "accounts"))
        table = f"{APP}.accounts"
        left = digest.counts(self.cluster, table, "read_uncommitted")
        written = sum(self.cluster.ends(table, committed=False).values())
        texts = ""
        for name in os.listdir(self.workers[0].logs):
            with open(os.path.join(self.workers[0].logs, name), encoding="utf-8",
                      errors="replace") as log:
                texts += log.read()
        faults = ", ".join(f"{kind} {count}" for kind, count in
                           sorted(self.monkey.counts.items()))
        self.say(f"faults: {faults}; {self.monkey.kill_count} kills")
        self.say(f"seen: {texts.count('transaction lost, recovering')} recoveries, "
                 f"{texts.count('partition lost')} assignments lost, "
                 f"{texts.count('states restored from their topics')} partitions restored, "
                 f"{aborted} records of aborted transactions, "
                 f"{written - left} of {written} records of accounts compacted away")
        self.say(f"{len(self.event_ids)} events, {self.poison_count} poisonous records, "
                 f"{self.alert_count} alerts: " +
                 ("no difference" if not self.failures else "DIFFERENCES"))
