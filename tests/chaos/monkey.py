"""What is done to the line: a plan of faults that the seed decides, and the one who carries it out.

The plan (what, when, to whom, for how long) is the same for the same seed and duration. What a
fault hits is not: processes, broker and network run on their own time. So a seed repeats the
pressure, and a failure that depends on a moment may take several tries.
"""

import concurrent.futures
import contextlib
import heapq
import os
import random
import shutil
import signal
import time

SESSION_MS = 4000
SESSION_S = SESSION_MS / 1000
STOP_S_MAX = 90
USURPED_S_MAX = 60
USURPED_GRACE_S = 10   # for one whose heir has gone
HEAL_S_MAX = 240
# Between two restarts of the only broker: in between there is work; and of one of three.
BROKER_GAP_S, TRIO_GAP_S = 75, 20
BROKER_TRIES = 3

# kind: how often, in relation to the others.
WEIGHTS = {
    "kill": 22, "wipe": 5, "lose": 3, "stale": 3, "freeze": 6, "zombie": 5, "usurp": 2,
    "leave": 6, "everyone": 2, "cut": 7, "blackhole": 3, "delay": 5, "reset": 4, "slow": 2,
    "broker-term": 2, "broker-kill": 2, "disk-full": 2,
}
NETWORK = ("cut", "blackhole", "delay", "reset", "slow")
# What ends a process: these count as kills.
KILLS = ("kill", "wipe", "lose", "stale", "everyone")


class Usurped:
    """A frozen process, and the log of the one that has taken its place."""

    def __init__(self, process, log, heir_log):
        self.process, self.log, self.heir_log = process, log, heir_log
        self.woken_s = None


class Step:
    """One fault of the plan."""

    def __init__(self, at_s, kind, worker, away_s, extra):
        self.at_s, self.kind, self.worker = at_s, kind, worker
        self.away_s, self.extra = away_s, extra


def away_seconds(chance, kind):
    """How long until it is undone: short of the session's time-out mostly, beyond it at times."""
    if kind == "zombie":
        return SESSION_S + chance.uniform(1.0, 4.0)
    if kind in ("broker-term", "broker-kill"):
        return chance.choice((0.5, 1.5, 3.0, 9.0)) * chance.uniform(0.7, 1.3)
    if kind in NETWORK:
        return chance.choice((0.3, 1.5, 4.0, SESSION_S + 4)) * chance.uniform(0.7, 1.3)
    if kind == "freeze":
        return chance.uniform(0.1, SESSION_S * 0.7)
    if kind == "disk-full":
        return chance.uniform(7.0, 10.0)
    return chance.choice((0.0, 0.3, 1.0, SESSION_S + 1.5)) * chance.uniform(0.7, 1.3)


def make_plan(seed, seconds, kills, names, kinds, broker_gap_s=BROKER_GAP_S):
    """Steps in order of time: at least `kills` that end a process, others between them."""
    chance = random.Random(f"plan {seed}")
    weights = {kind: weight for kind, weight in WEIGHTS.items() if kind in kinds}
    per_kill = sum(weights.values()) / sum(weights[k] for k in KILLS if k in weights)
    count = max(int(kills * per_kill * 1.15), int(seconds / 4))
    others = {kind: weight for kind, weight in weights.items() if not kind.startswith("broker")}
    steps, broker_s = [], -broker_gap_s
    for index in range(count):
        at_s = seconds * (index + chance.random()) / count
        pool = weights if at_s - broker_s >= broker_gap_s or not others else others
        kind = chance.choices(tuple(pool), tuple(pool.values()))[0]
        broker_s = at_s if kind.startswith("broker") else broker_s
        steps.append(Step(at_s, kind, chance.choice(names), away_seconds(chance, kind),
                          chance.random()))
    missing = kills - sum(1 for step in steps if step.kind in KILLS)
    for _ in range(max(0, missing)):
        steps.append(Step(chance.uniform(0, seconds), "kill", chance.choice(names),
                          away_seconds(chance, "kill"), chance.random()))
    return sorted(steps, key=lambda step: step.at_s)


def read_log(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def last_error(worker):
    lines = [line for line in worker.text().splitlines() if '"level":"error"' in line]
    return lines[-1][:300] if lines else worker.tail()[-300:]


class Monkey:
    """Carries a plan out. `say`: where each action is told, a line each."""

    def __init__(self, app, workers, cluster, say, disks=None):
        self.app, self.cluster, self.say = app, cluster, say
        self.workers = {worker.name: worker for worker in workers}
        self.disks = disks or {}     # worker: folder of its small file system
        self.began = time.monotonic()
        self.undo = []               # heap of (at_s, serial, what, function)
        self.serial = 0
        self.broker_down = False
        self.network = {}            # worker: until when something is in its way
        self.free_since = {}         # worker: when broker and network were last in its way
        self.stopping = {}           # worker: (since, starts again after)
        self.usurped = {}            # worker: the one whose place was taken
        self.hands = {}              # worker: who works at its network, one job after the other
        self.full = {}               # worker: since when its disk is full
        self.unexpected = []         # ends that nobody asked for
        self.counts = {}
        self.kill_count = 0

    # ---- time --------------------------------------------------------------------------------

    def now_s(self):
        return time.monotonic() - self.began

    def tell(self, text):
        self.say(f"{self.now_s():7.2f} s  {text}")

    def later(self, seconds, what, function):
        self.serial += 1
        heapq.heappush(self.undo, (self.now_s() + seconds, self.serial, what, function))

    def run(self, plan):
        """Until the plan is over; what is still to be undone is left to `heal`."""
        for step in plan:
            while self.now_s() < step.at_s:
                self.turn()
                time.sleep(min(0.02, max(0.0, step.at_s - self.now_s())))
            self.do(step)

    def turn(self):
        """Undoes what is due, and looks after the processes."""
        while self.undo and self.undo[0][0] <= self.now_s():
            _, _, what, function = heapq.heappop(self.undo)
            done = function()
            if done is not False:
                self.tell(what)
        self.watch()

    def heal(self):
        """Everything is undone at once, and every process runs."""
        end = time.monotonic() + HEAL_S_MAX
        while (self.undo or self.stopping) and time.monotonic() < end:
            due, self.undo = self.undo, []
            for _, _, what, function in sorted(due):
                if function() is not False:
                    self.tell(what)
            self.watch(restart=False)
            time.sleep(0.05)
        for hand in self.hands.values():
            hand.shutdown()
        for worker in self.workers.values():
            self.start(worker)

    # ---- processes ---------------------------------------------------------------------------

    def start(self, worker):
        if worker.running():
            return False
        if worker.name in self.usurped:  # the frozen one still holds the store
            self.restart_later(worker, 0.5)
            return False
        worker.start(self.app)
        worker.started_s = self.now_s()
        return True

    def watch(self, restart=True):
        for worker in self.workers.values():
            if worker.process is None:
                continue
            if worker.process.poll() is None:
                if worker.name in self.stopping:
                    self.look_at_stopping(worker)
                continue
            self.ended(worker, restart)

    def look_at_stopping(self, worker):
        """The time that it may take counts from when nothing is in its way."""
        since, away_s = self.stopping[worker.name]
        if self.broker_down or self.network.get(worker.name, 0) > self.now_s():
            self.free_since[worker.name] = self.now_s()
        if self.now_s() - max(since, self.free_since.get(worker.name, 0)) <= STOP_S_MAX:
            return
        self.note_end(worker, f"did not end within {STOP_S_MAX} s of SIGTERM")
        del self.stopping[worker.name]
        worker.kill()
        worker.process = None
        self.restart_later(worker, away_s)

    def ended(self, worker, restart):
        code, worker.process = worker.process.returncode, None
        if worker.name in self.stopping:
            since, away_s = self.stopping.pop(worker.name)
            self.tell(f"{worker.name} has ended, code {code}, "
                      f"{self.now_s() - since:.2f} s after SIGTERM")
            if code != 0 and not self.may_end(worker, code):
                self.note_end(worker, f"exit code {code} after SIGTERM")
            self.restart_later(worker, away_s)
            return
        if self.may_end(worker, code):
            self.tell(f"{worker.name} has ended as it may, code {code}: {last_error(worker)}")
        else:
            self.note_end(worker, f"ended by itself, exit code {code}")
        if restart:
            self.restart_later(worker, 1.0)

    def may_end(self, worker, code):
        """A full disk ends a process; a broker that can't be reached ends one that starts."""
        text = worker.text()
        if worker.name in self.full or getattr(worker, "room_since", -1) > worker.started_s:
            # Debian's RocksDB is built with its assertions, one of which a full disk breaks.
            if (code == 1 and ("STORE_FULL" in text or "No space left" in text)) or (
                    code == -6 and "writable_file_writer" in text):
                return True
        # The one whose place it took has had it back: it woke up where nobody could be asked.
        if worker.name in self.usurped and code == 1 and "BUS_MEMBER_FENCED" in text:
            return True
        # SIGTERM before it had begun to listen to signals.
        if code == -signal.SIGTERM and "partition assigned" not in text:
            return True
        return code == 3 and "partition assigned" not in text

    def note_end(self, worker, what, log=None, text=None):
        self.tell(f"UNEXPECTED: {worker.name} {what} ({log or worker.log})")
        self.unexpected.append((worker.name, what, log or worker.log,
                                text if text is not None else worker.tail()))

    def restart_later(self, worker, seconds):
        self.later(seconds, f"start {worker.name}", lambda: self.start(worker))

    def running(self, name):
        """The worker `name`, or the next one that runs; None if none does."""
        names = sorted(self.workers)
        place = names.index(name)
        for candidate in names[place:] + names[:place]:
            if self.workers[candidate].running() and candidate not in self.stopping:
                return self.workers[candidate]
        return None

    # ---- faults ------------------------------------------------------------------------------

    def do(self, step):
        worker = self.running(step.worker)
        if step.kind.startswith("broker"):
            done = self.broker(step)
        elif worker is None:
            done = "nothing: no process runs"
        elif step.kind in NETWORK:
            done = self.hinder(step, worker)
        else:
            done = getattr(self, step.kind.replace("-", "_"))(step, worker)
        if done is None:
            self.tell(f"{step.kind} skipped: not possible now")
            return
        self.counts[step.kind] = self.counts.get(step.kind, 0) + 1
        self.tell(f"{step.kind} {done}")

    def end_by_kill(self, step, worker):
        worker.kill()
        worker.process = None
        self.kill_count += 1
        self.restart_later(worker, step.away_s)
        return f"{worker.name}, back in {step.away_s:.1f} s"

    def kill(self, step, worker):
        return self.end_by_kill(step, worker)

    def wipe(self, step, worker):
        done = self.end_by_kill(step, worker)
        if worker.name in self.usurped:  # the sleeper has the store open
            return done
        worker.wipe(self.app, identity_too=False)
        return f"{done}; its store is deleted"

    def lose(self, step, worker):
        done = self.end_by_kill(step, worker)
        if worker.name in self.usurped:
            return done
        worker.wipe(self.app, identity_too=True)
        return f"{done}; store and identity are deleted"

    def stale(self, step, worker):
        """An old copy of its own store comes back, as from a backup; the next one is taken."""
        done = self.end_by_kill(step, worker)
        store, copy = worker.store(self.app), worker.state + ".copy"
        if worker.name in self.usurped or worker.name in self.full or not os.path.isdir(store):
            return done
        fresh = copy + ".new"
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(store, fresh)
        if os.path.isdir(copy):
            shutil.rmtree(store)
            shutil.move(copy, store)
            done += "; with an old copy of its store"
        os.rename(fresh, copy)
        return done

    def everyone(self, step, _worker):
        killed = []
        for other in self.workers.values():
            if other.running() and other.name not in self.stopping:
                self.end_by_kill(step, other)
                killed.append(other.name)
        return f"{' '.join(killed)}, back in {step.away_s:.1f} s"

    def freeze(self, step, worker):
        if worker.frozen:
            return None
        worker.freeze()
        process = worker.process

        def thaw():
            if worker.process is not process or not worker.frozen:
                return False
            worker.thaw()
            return True

        self.later(step.away_s, f"thaw {worker.name}", thaw)
        return f"{worker.name} for {step.away_s:.1f} s"

    zombie = freeze

    def usurp(self, step, worker):
        """Its double, with the same name and another store, starts while it is frozen: when it
        wakes up, it has to go."""
        identity = os.path.join(worker.state, f"{self.app}.instance")
        if worker.frozen or worker.name in self.usurped or not os.path.isfile(identity):
            return None
        double = worker.state + ".double"
        shutil.rmtree(double, ignore_errors=True)
        os.makedirs(double)
        shutil.copy(identity, double)
        worker.freeze()
        frozen, log, state = worker.process, worker.log, worker.state
        worker.process, worker.state = None, double
        worker.start(self.app)
        worker.started_s, worker.state = self.now_s(), state
        self.usurped[worker.name] = Usurped(frozen, log, worker.log)
        self.later(step.away_s + 2, f"the one whose place {worker.name} took woke up, and went",
                   lambda: self.end_usurped(worker))
        return f"{worker.name}: another process takes its place"

    def end_usurped(self, worker):
        """It wakes up; asked again and again until it has gone."""
        usurped = self.usurped[worker.name]
        if usurped.woken_s is None:
            usurped.process.send_signal(signal.SIGCONT)
            usurped.woken_s = self.now_s()
        code, text = usurped.process.poll(), read_log(usurped.log)
        if self.broker_down or self.network.get(worker.name, 0) > self.now_s():
            self.free_since[worker.name] = self.now_s()
        awake_s = self.now_s() - max(usurped.woken_s, self.free_since.get(worker.name, 0))
        has_heir = worker.running() and "partition assigned" in read_log(usurped.heir_log)
        if code is None and awake_s < (USURPED_S_MAX if has_heir else USURPED_GRACE_S):
            self.later(0.2, f"the one whose place {worker.name} took went",
                       lambda: self.end_usurped(worker))
            return False
        if code is None:
            usurped.process.kill()
            usurped.process.wait()
        del self.usurped[worker.name]
        fenced = code == 1 and "BUS_MEMBER_FENCED" in text
        never_began = code == 3 and "partition assigned" not in text
        if not fenced and not never_began and (code is not None or has_heir):
            self.note_end(worker, f"was replaced; its predecessor ended with {code}, not fenced",
                          usurped.log, text[-3000:])
        return True

    def leave(self, step, worker):
        if worker.frozen:
            return None
        worker.terminate()
        self.stopping[worker.name] = self.now_s(), step.away_s
        return f"{worker.name} by SIGTERM, back {step.away_s:.1f} s after its end"

    def disk_full(self, step, worker):
        """Nothing more can be written to its folder; it may go on or end, with a reason."""
        if worker.name not in self.disks or worker.name in self.full:
            return None
        ballast = os.path.join(self.disks[worker.name], "ballast")
        with open(ballast, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass
        self.full[worker.name] = self.now_s()

        def make_room():
            with contextlib.suppress(FileNotFoundError):  # its folder was lost meanwhile
                os.remove(ballast)
            self.full.pop(worker.name)
            worker.room_since = self.now_s()

        self.later(step.away_s, f"{worker.name}'s disk has room again", make_room)
        return f"{worker.name} for {step.away_s:.1f} s"

    # ---- network -----------------------------------------------------------------------------

    def at_network(self, name, function, *arguments, **more):
        """The proxy may wait for a process that is frozen, and others can't wait for that."""
        if name not in self.hands:
            self.hands[name] = concurrent.futures.ThreadPoolExecutor(1)
        return self.hands[name].submit(function, *arguments, **more)

    def hinder(self, step, worker):
        proxy, name = self.cluster.proxy, worker.name
        if proxy is None or self.network.get(name, 0) > self.now_s():
            return None
        self.network[name] = self.now_s() + HEAL_S_MAX
        stream = "upstream" if step.extra < 0.5 else "downstream"
        if step.kind == "cut":
            begun = self.at_network(name, proxy.cut, name)
        elif step.kind == "blackhole":
            begun = self.at_network(name, proxy.toxic, name, "timeout", stream, timeout=0)
        elif step.kind == "delay":
            begun = self.at_network(name, proxy.toxic, name, "latency", stream,
                                    latency=int(100 + 1500 * step.extra), jitter=80)
        elif step.kind == "reset":
            begun = self.at_network(name, proxy.toxic, name, "reset_peer", stream,
                                    timeout=int(200 * step.extra))
        else:
            begun = self.at_network(name, proxy.toxic, name, "bandwidth", stream, rate=30)
        self.later(step.away_s, f"{name}'s network is as it was", lambda: self.mend(name, begun))
        return f"{name} ({stream}) for {step.away_s:.1f} s"

    def mend(self, name, begun):
        healed = self.at_network(name, self.cluster.proxy.heal, name)

        def look():
            if not healed.done():
                self.later(0.1, f"{name}'s network is as it was", look)
                return False
            begun.result()
            healed.result()
            self.network[name] = self.free_since[name] = self.now_s()
            return True

        return look()

    # ---- broker ------------------------------------------------------------------------------

    def broker(self, step):
        if self.broker_down:
            return None
        self.broker_down = True
        if step.kind == "broker-term":
            gone = self.cluster.stop_soon()
        else:
            gone = self.cluster.kill()
        self.await_broker(gone, lambda: self.later(step.away_s, "the broker starts",
                                                   self.start_broker))
        return f"for {step.away_s:.1f} s and its start"

    def await_broker(self, over, then):
        """Calls `then` when it is over."""
        def look():
            if not over():
                self.later(0.1, "", look)
            else:
                then()
            return False

        self.later(0, "", look)

    def start_broker(self, tries=BROKER_TRIES):
        starting = self.cluster.start_soon()

        def served():
            if starting.returncode == 0:
                self.broker_down = False
                self.tell("the broker serves")
            elif tries > 1:
                self.tell("the broker took too long, and is started again")
                self.start_broker(tries - 1)
            else:
                raise RuntimeError("the broker did not come back")

        self.await_broker(lambda: starting.poll() is not None, served)
