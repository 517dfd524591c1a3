"""The shipped account stage by `foretell run account`, on a log of account events that the shipped
stages before it wrote: so that the reference job is no special case of the runtime."""

import os
import statistics

from rig.engines import Engine, run
from rig.kafka import Group
from rig.measure import window
from rig.places import FORETELL, PROGRAMS

INPUT = "erp.events"
RUNS = 3
OPTIONS = ["--inputs", INPUT, "--clock", "data", "--tick.ms", "1d"]


class Stages(Engine):
    """`foretell run`, some stages of it."""

    name = "foretell"

    def __init__(self, broker, app, stages, *flags):
        super().__init__(broker, app, f"{app}.account.events")
        self.stages = stages
        self.flags = flags

    def group(self):
        return f"{self.app}.account"

    def command(self):
        return [FORETELL, "run", *self.stages, "--brokers", self.broker.address, "--app", self.app,
                "--state.dir", self.state, *OPTIONS, *self.flags]


def one_run(bench, events):
    app = bench.app("stage")
    before = Stages(bench.broker, app, ["resolve", "identify"], "--from-beginning",
                    "--until-end")
    account = Stages(bench.broker, app, ["account"])
    os.makedirs(account.state)
    try:
        run(before.command(), "foretell run resolve identify", timeout=450)
        offsets = bench.broker.count(account.topic)
        with Group(bench.broker, account.group(), account.topic) as group:
            account.start()
            # The last offsets are those of transactions' markers, which nobody commits.
            figures = window(group, account, bench.broker.pid, offsets // 10, offsets - 64)
        account.stop()
    finally:
        account.clean()
    # Ticks and markers have offsets, too.
    share = events / offsets
    figures["events"] = round(figures["events"] * share)
    figures["events_per_s"] = round(figures["events_per_s"] * share)
    figures["cpu_s_per_million"] = round(figures["cpu_s_per_million"] / share, 4)
    bench.report.run("account_stage", "foretell", figures)
    return figures


def account_stage(bench):
    events = max(bench.events * 3 // 20, 300000)
    bench.broker.create(INPUT)
    loaded = run([os.path.join(PROGRAMS, "bench_load"), f"brokers={bench.broker.address}",
                  f"topic={INPUT}", f"events={events}", "erp=1"], "bench_load")
    bench.report.note("account_stage", loaded)
    runs = [one_run(bench, events) for _ in range(min(RUNS, bench.runs))]
    bench.report.figure("account_stage_events_s",
                        statistics.median(r["events_per_s"] for r in runs))
    bench.broker.delete(INPUT)
