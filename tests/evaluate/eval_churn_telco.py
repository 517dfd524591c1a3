"""Telco: who leaves, from a table of subscribers.

Protocol: IBM's 7,043 rows; SEEDS shuffles (default 10), each cut into 5 stratified folds; the four
other folds are one CSV to learn from, the fold one to judge by. Nothing is chosen on judged rows:
each training file chooses its own settings by inner folds. AUC and Brier are means over folds; the
calibration error is that of all predictions together, 10 bins of equal mass.
"""

import csv
import os

import measure as m

SEEDS = int(os.environ.get("SEEDS", "10"))


def main():
    with open(m.data("telco/Telco-Customer-Churn.csv"), newline="", encoding="utf-8") as f:
        header, *rows = csv.reader(f)
    label, key = header.index("Churn"), header.index("customerID")
    print(__doc__.strip() + f"\nSeeds 1 to {SEEDS}.\n")
    print("seed     AUC  logistic   Brier  logistic  log loss     ECE")
    ours, logistic, pooled = [], [], []
    for seed in range(1, SEEDS + 1):
        mine = []
        for train, test in m.folds(rows, label, 5, seed):
            a, b = m.write("a.csv", header, train), m.write("b.csv", header, test)
            p = os.path.join(m.TMP, "p.csv")
            table = m.measures(m.run("churn", "--train", a, "--test", b, "--label", "Churn",
                                     "--out", p, "--seed", str(seed)))
            said = m.predictions(p)
            pairs = [(said[row[key]], int(row[label] == "Yes")) for row in test]
            mine += pairs
            ours.append({"AUC": m.auc(pairs), "Brier": m.brier(pairs), "loss": m.log_loss(pairs)})
            logistic.append(table["logistic regression"])
        pooled += mine
        last, last_logistic = ours[-5:], logistic[-5:]
        print(f"{seed:4}  {m.mean(x['AUC'] for x in last):.4f}    "
              f"{m.mean(x['AUC'] for x in last_logistic):.4f}  "
              f"{m.mean(x['Brier'] for x in last):.4f}    "
              f"{m.mean(x['Brier'] for x in last_logistic):.4f}    "
              f"{m.mean(x['loss'] for x in last):.4f}  {m.calibration_error(mine):.4f}",
              flush=True)
    print(f"\nlogistic regression: AUC {m.mean(x['AUC'] for x in logistic):.4f}, "
          f"Brier {m.mean(x['Brier'] for x in logistic):.4f}")
    targets = m.Targets()
    targets.check("mean AUC (aim .849)", m.mean(x["AUC"] for x in ours), low=0.847)
    targets.check("mean Brier", m.mean(x["Brier"] for x in ours), high=0.135)
    targets.check("pooled calibration error", m.calibration_error(pooled), high=0.02)
    targets.end()


main()
