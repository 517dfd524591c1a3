"""Outcomes that depend on columns acting together, whose best possible ranking is known.

Each set is drawn from its rule with seeds 1 to SEEDS (default 3): 4,000 rows to learn from, 6,000
to judge by, 12 columns of which some mean nothing. `best` is the AUC of the true probabilities.
"""

import math
import os
import random

import measure as m

SEEDS = int(os.environ.get("SEEDS", "3"))
TRAIN, TEST = 4000, 6000
PLANS = ["basic", "plus", "pro", "team"]


def crossed(x, plan):
    return 1.6 * (1 if x[0] * x[1] > 0 else -1) + 1.2 * (1 if x[2] * x[3] > 0 else -1) - 1


def product(x, plan):
    return 1.5 * x[0] * x[1] + x[2] * x[3] + 0.5 * x[4] - 1


def nested(x, plan):
    return (-2 + 3 * (x[0] > 0 and x[1] < 0.5 and x[2] > -0.5) + 2.5 * (x[3] > 0.8 and x[4] > 0)
            - 2 * (x[0] < 0 and x[5] > 0) + 0.3 * x[6])


def by_plan(x, plan):
    return -1 + (1.5 * x[0] if plan in ("basic", "team") else -1.5 * x[0]) + (
        1.2 if plan == "pro" and x[1] > 0 else 0)


def draw(rule, count, rng):
    rows, chances = [], []
    for i in range(count):
        x = [rng.gauss(0, 1) for _ in range(11)]
        plan = rng.choice(PLANS)
        p = 1 / (1 + math.exp(-rule(x, plan)))
        chances.append((p, int(rng.random() < p)))
        rows.append([f"c{i}", plan] + [f"{v:.4f}" for v in x]
                    + ["yes" if chances[-1][1] else "no"])
    return rows, chances


def main():
    print(__doc__.strip() + "\n")
    header = ["id", "plan"] + [f"x{k}" for k in range(11)] + ["churned"]
    targets = m.Targets()
    print("rule       seed    best  foretell  logistic  log loss  of the best")
    for rule in (crossed, product, nested, by_plan):
        shares = []
        for seed in range(1, SEEDS + 1):
            rng = random.Random(seed)
            train, _ = draw(rule, TRAIN, rng)
            test, chances = draw(rule, TEST, rng)
            out = os.path.join(m.TMP, "p.csv")
            table = m.measures(m.run("churn", "--train", m.write("a.csv", header, train),
                                     "--test", m.write("b.csv", header, test), "--label",
                                     "churned", "--out", out))
            best, ours = m.auc(chances), table["foretell"]["AUC"]
            shares.append((ours - 0.5) / (best - 0.5))
            print(f"{rule.__name__:9}  {seed:4}  {best:.4f}    {ours:.4f}    "
                  f"{table['logistic regression']['AUC']:.4f}    "
                  f"{table['foretell']['log-loss']:.4f}       {m.log_loss(chances):.4f}",
                  flush=True)
        targets.check(f"{rule.__name__}: share of the best AUC beyond one half",
                      m.mean(shares), low=0.85)
    targets.end()


main()
