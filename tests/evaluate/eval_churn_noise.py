"""Where nothing can be known: the model must say so, never rank from noise.

Maven CRM's pipeline: will an open deal be won? The closing date and value are left out, which are
only known afterwards; what remains says next to nothing. The bound that an AUC must surely exceed
was set to .55 because of splits 1 to 5; judged is on other splits, from FIRST on, which nothing was
chosen by. The same with its labels shuffled, and Telco with its labels shuffled: SEEDS times
(default 5).
"""

import csv
import os
import random

import measure as m

SEEDS = int(os.environ.get("SEEDS", "5"))
FIRST = 301


def shuffled(rows, label, seed):
    answers = [row[label] for row in rows]
    random.Random(seed).shuffle(answers)
    return [row[:label] + [a] + row[label + 1:] for row, a in zip(rows, answers)]


def spread(path):
    said = m.predictions(path).values()
    return max(said) - min(said)


def main():
    print(__doc__.strip() + "\n")
    out = os.path.join(m.TMP, "p.csv")
    targets = m.Targets()
    with open(m.data("crm/crm_sales_pipeline.csv"), newline="", encoding="utf-8") as f:
        header, *rows = csv.reader(f)
    stage = header.index("deal_stage")
    closed = [row for row in rows if row[stage] in ("Won", "Lost")]
    for seed in range(FIRST, FIRST + SEEDS):
        for name in ("Maven CRM", "Maven CRM, labels shuffled"):
            deals = closed if name == "Maven CRM" else shuffled(closed, stage, seed)
            train, test = next(m.folds(deals, stage, 4, seed))
            text = m.run("churn", "--train", m.write("a.csv", header, train), "--test",
                         m.write("b.csv", header, test), "--label", "deal_stage", "--positive",
                         "Won", "--drop", "close_date,close_value", "--out", out)
            print(next(line for line in text.splitlines() if line.startswith("verdict")))
            targets.check(f"{name}, seed {seed}: spread of probabilities", spread(out), high=0)
    with open(m.data("telco/Telco-Customer-Churn.csv"), newline="", encoding="utf-8") as f:
        header, *rows = csv.reader(f)
    label = header.index("Churn")
    for seed in range(FIRST, FIRST + SEEDS):
        train, test = next(m.folds(rows, label, 5, seed))
        train = shuffled(train, label, seed)
        text = m.run("churn", "--train", m.write("a.csv", header, train), "--test",
                     m.write("b.csv", header, test), "--label", "Churn", "--out", out)
        print(next(line for line in text.splitlines() if line.startswith("verdict")))
        targets.check(f"Telco, labels shuffled, seed {seed}: spread of probabilities", spread(out),
                      high=0)
    targets.end()


main()
