#!/usr/bin/env python3
"""Makes the models of other programs that tests/unit/test_import.c reads, and what those programs
say of some rows: predictions, and contributions with their base last.

    pip install xgboost==3.2.0 lightgbm==4.7.0 scikit-learn numpy && tests/unit/models/make.py

The files are kept, so that the tests need none of these packages.
"""

import os

import lightgbm
import numpy as np
import xgboost

FOLDER = os.path.dirname(os.path.abspath(__file__))
ROWS, COLUMNS, SHOWN = 3000, 5, 60


def draw():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(ROWS, COLUMNS))
    x[:, 3] = rng.integers(0, 40, ROWS)
    x[:, 4] = np.where(rng.random(ROWS) < 0.4, 0, x[:, 4])
    x[rng.random((ROWS, COLUMNS)) < 0.08] = np.nan
    margin = np.nan_to_num(x[:, 0] * x[:, 1]) + (x[:, 3] % 7 < 3) + np.nan_to_num(x[:, 4])
    return x, (rng.random(ROWS) < 1 / (1 + np.exp(-margin))).astype(int)


def write(name, x, probability, contributions):
    with open(os.path.join(FOLDER, name + ".csv"), "w", encoding="utf-8") as f:
        for row, p, c in zip(x, probability, contributions):
            f.write(",".join(repr(float(v)) for v in [*row, p, *c]) + "\n")


def xgboost_model(name, x, y, **settings):
    model = xgboost.XGBClassifier(n_estimators=12, max_depth=4, learning_rate=0.4, **settings)
    model.fit(x, y)
    path = os.path.join(FOLDER, name + ".json")
    model.save_model(path)
    with open(path, "a", encoding="utf-8") as f:
        f.write("\n")
    shown = x[:SHOWN]
    booster = model.get_booster()
    contributions = booster.predict(xgboost.DMatrix(shown), pred_contribs=True)
    write(name, shown, model.predict_proba(shown)[:, 1], contributions)


def lightgbm_model(name, x, y, categories, **settings):
    model = lightgbm.LGBMClassifier(n_estimators=12, num_leaves=9, learning_rate=0.3, verbose=-1,
                                    min_data_per_group=20, **settings)
    model.fit(x, y, categorical_feature=categories)
    model.booster_.save_model(os.path.join(FOLDER, name + ".txt"))
    shown = x[:SHOWN]
    write(name, shown, model.predict_proba(shown)[:, 1],
          model.booster_.predict(shown, pred_contrib=True))


def main():
    x, y = draw()
    xgboost_model("xgboost", x, y)
    xgboost_model("xgboost_base", x, y, base_score=0.1)
    lightgbm_model("lightgbm", x, y, [3])
    lightgbm_model("lightgbm_zero", x, y, [], zero_as_missing=True)
    lightgbm_model("lightgbm_none", x, y, [], use_missing=False)


main()
