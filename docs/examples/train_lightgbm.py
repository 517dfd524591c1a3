#!/usr/bin/env python3
"""Trains a model of LightGBM on the lessons of the line, for `foretell models import`.

    pip install lightgbm
    foretell models export lessons.csv
    python train_lightgbm.py lessons.csv        # writes model.txt and rows.csv, prints the day
    foretell models import model.txt --golden rows.csv --trained-until DAY
    foretell models activate VERSION            # as import has printed it

The last quarter of the lessons is left out: by it foretell judges the model.
"""

import csv
import sys

import lightgbm
import numpy

with open(sys.argv[1], encoding="utf-8", newline="") as file:
    lessons = sorted(csv.DictReader(file), key=lambda row: row["matured"])
names = list(lessons[0])[4:]  # behind account, at, matured, left
day = lessons[len(lessons) * 3 // 4]["matured"][:10]
train = [row for row in lessons if row["matured"] < day]
x = numpy.array([[float(row[name]) for name in names] for row in train])
y = numpy.array([int(row["left"]) for row in train])
model = lightgbm.train(
    {"objective": "binary", "num_leaves": 8, "learning_rate": 0.05, "min_data_in_leaf": 40,
     "seed": 1, "num_threads": 1, "verbosity": -1},
    lightgbm.Dataset(x, y, feature_name=names), 40)
model.save_model("model.txt")
with open("rows.csv", "w", encoding="utf-8", newline="") as out:
    rows = csv.writer(out)
    rows.writerow([*names, "prediction"])
    for values, prediction in zip(x[:50], model.predict(x[:50])):
        rows.writerow([*map(repr, map(float, values)), repr(float(prediction))])
print(f"{len(train)} lessons that matured before {day}, {len(lessons) - len(train)} left out")
