"""Figures of a bench: kept as they come, printed, and written as JSON."""

import json
import os
import statistics

from rig.places import OUT


class Report:
    def __init__(self, name):
        self.name = name
        self.path = os.path.join(OUT, f"{name}.json")
        self.runs = []
        self.lines = []

    def run(self, job, engine, figures):
        """One run of one engine."""
        self.runs.append({"job": job, "engine": engine, **figures})
        text = "  ".join(f"{name} {value}" for name, value in figures.items())
        print(f"{job:<16} {engine:<10} {text}", flush=True)
        self.save()

    def note(self, job, text):
        print(f"{job:<16} {text}", flush=True)

    def ratio(self, name, above, below, figure):
        """The ratio of a figure between runs made one after the other: median, least, most."""
        ratios = [a[figure] / b[figure] for a, b in zip(above, below)]
        if ratios:
            self.lines.append(f"ratio {name} {statistics.median(ratios):.3g} "
                              f"{min(ratios):.3g} {max(ratios):.3g}")
            self.save()

    def figure(self, name, value):
        self.lines.append(f"figure {name} {value:.6g}")
        self.save()

    def table(self, job, columns):
        """Medians of each engine's runs of one job."""
        engines = list(dict.fromkeys(r["engine"] for r in self.runs if r["job"] == job))
        for engine in engines:
            rows = [r for r in self.runs if r["job"] == job and r["engine"] == engine]
            text = "  ".join(
                f"{c} {statistics.median(r[c] for r in rows):.6g} "
                f"({min(r[c] for r in rows):.6g}..{max(r[c] for r in rows):.6g})"
                for c in columns if all(c in r for r in rows))
            print(f"{job:<16} {engine:<10} median of {len(rows)}: {text}", flush=True)

    def markdown(self):
        """Medians of all runs, least and most in brackets, as a table for docs/performance.md."""
        jobs = dict.fromkeys((r["job"], r["engine"]) for r in self.runs)
        lines = []
        for job, engine in jobs:
            rows = [r for r in self.runs if (r["job"], r["engine"]) == (job, engine)]
            names = [n for n in rows[0] if all(isinstance(r.get(n), (int, float)) for r in rows)]
            if not lines or lines[-1][1] != names:
                lines.append((f"\n| job | engine | runs | {' | '.join(names)} |\n"
                              f"|---|---|---|{'---|' * len(names)}", names))
            cells = []
            for name in names:
                values = [r[name] for r in rows]
                spread = f" ({min(values):.4g}–{max(values):.4g})" if len(rows) > 1 else ""
                cells.append(f"{statistics.median(values):.6g}{spread}")
            lines.append((f"| {job} | {engine} | {len(rows)} | {' | '.join(cells)} |", names))
        return "\n".join(text for text, _ in lines) + "\n"

    def save(self):
        os.makedirs(OUT, exist_ok=True)
        with open(self.path + ".new", "w", encoding="utf-8") as f:
            json.dump({"runs": self.runs, "lines": self.lines}, f, indent=1)
        os.replace(self.path + ".new", self.path)
        with open(self.path[:-len(".json")] + ".md", "w", encoding="utf-8") as f:
            f.write(self.markdown() + "\n```\n" + "\n".join(self.lines) + "\n```\n")

    def close(self):
        print()
        for line in self.lines:
            print(line, flush=True)
