"""Numbers of Tests/Fixtures/evidence/evidence.json, computed by SciPy and scikit-learn.

    python tools/reference/make_evidence.py

The inputs are in the file too, so that nothing depends on anybody's random numbers. Values under
"copied" follow what widely copied code does, mistakes and all; nobody's code is called.
"""

import json
import pathlib

import numpy as np
import scipy
import sklearn
from scipy.special import log_softmax, softmax
from scipy.spatial.distance import jensenshannon
from scipy.stats import entropy, ks_2samp, mannwhitneyu, wasserstein_distance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score, roc_curve
from sklearn.svm import SVC

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "Tests/Fixtures/evidence"
random = np.random.default_rng(20)
CLASSES = 5


def logits(count, sharpness):
    """Scores that favour the label, to one decimal so that ties occur."""
    labels = random.integers(0, CLASSES, count)
    scores = random.normal(0, 1.5, (count, CLASSES))
    scores[np.arange(count), labels] += sharpness
    return np.round(scores, 1), labels


def side(values):
    scores, labels = values
    return {"logits": scores.ravel().tolist(), "labels": labels.tolist()}


def attack(classifier, members, strangers, asked):
    x = np.concatenate([members, strangers]).reshape(-1, 1)
    y = np.concatenate([np.ones(len(members)), np.zeros(len(strangers))])
    return classifier.fit(x, y), classifier.predict(np.reshape(asked, (-1, 1)))


def features(values):
    scores, labels = values
    logs = log_softmax(scores, axis=1)
    own = logs[np.arange(len(labels)), labels]
    p = np.exp(logs)
    modified = p.copy()
    others = np.log1p(-p)
    change = others.copy()
    modified[np.arange(len(labels)), labels] = 1 - np.exp(own)
    change[np.arange(len(labels)), labels] = own
    return {
        "losses": -own,
        "confidences": np.exp(own),
        "entropies": entropy(p, axis=1),
        "modifiedEntropies": -(modified * change).sum(axis=1),
        "margins": own - np.log1p(-np.exp(own)),
    }


def copied_modified_entropy(values):
    scores, labels = values
    p = softmax(scores, axis=1)
    modified = p.copy()
    modified[:, labels] = (1 - p)[:, labels]
    return -(modified * np.log(p)).sum(axis=1)


def copied_divergence(one, other):
    """torch's kl_div(log p, m) with reduction "mean": m (log m - log p), over all elements."""
    p, q = softmax(one, axis=1), softmax(other, axis=1)
    m = (p + q) / 2
    return 0.5 * (m * (np.log(m) - np.log(p))).mean() + 0.5 * (m * (np.log(m) - np.log(q))).mean()


def klom(p, q, drops_largest):
    p, q = np.clip(p, -100, 100), np.clip(q, -100, 100)
    low, high = min(p.min(), q.min()), max(p.max(), q.max())
    edges = np.linspace(low, high if high > low else low + 1, 21)
    if drops_largest:
        counts = [np.histogram(v[v < edges[-1]], edges)[0] for v in (p, q)]
    else:
        counts = [np.histogram(v, edges)[0] for v in (p, q)]
    a, b = (c / max(1, c.sum()) for c in counts)
    seen = a > 0
    return float((a[seen] * np.log(a[seen] / np.maximum(b[seen], 1e-5))).sum())


def main():
    forget, retain, strangers = logits(60, 2), logits(150, 3.5), logits(120, 1.5)
    other = (np.round(forget[0] + random.normal(0, 1, forget[0].shape), 1), forget[1])
    f, r, s = features(forget), features(retain), features(strangers)
    machine, called = attack(
        SVC(C=3, gamma="auto", kernel="rbf", tol=1e-6), r["confidences"], s["confidences"],
        f["confidences"])
    logistic, members = attack(
        LogisticRegression(class_weight="balanced", tol=1e-10, max_iter=1000), r["entropies"],
        s["entropies"], f["entropies"])
    plain, _ = attack(
        LogisticRegression(tol=1e-10, max_iter=1000), f["losses"], s["losses"], f["losses"])
    p, q = softmax(forget[0], axis=1), softmax(other[0], axis=1)
    truth = np.concatenate([np.ones(60), np.zeros(120)])
    scores = np.concatenate([f["margins"], s["margins"]])
    rates = roc_curve(truth, scores, drop_intermediate=False)
    # The SVM's and scikit-learn's own curve at rounded scores, where there are ties.
    rounded = np.round(scores)
    margins = random.normal(0, 2, (12, 8)), random.normal(0.7, 2.5, (9, 8))
    result = {
        "made by": f"SciPy {scipy.__version__}, scikit-learn {sklearn.__version__}, "
        "tools/reference/make_evidence.py",
        "classCount": CLASSES,
        "forget": side(forget), "retain": side(retain), "strangers": side(strangers),
        "other": side(other),
        "features": {name: values.tolist() for name, values in f.items()},
        "svm": {
            "shareCalledMember": float(called.mean()),
            "decisions": machine.decision_function(np.linspace(0, 1, 11).reshape(-1, 1)).tolist(),
        },
        "logistic": {
            "slope": float(logistic.coef_[0, 0]), "offset": float(logistic.intercept_[0]),
            "shareCalledMember": float(members.mean()),
        },
        "plainLogistic": {
            "slope": float(plain.coef_[0, 0]), "offset": float(plain.intercept_[0])
        },
        "separation": {
            "auc": float(roc_auc_score(truth, scores)),
            "ks": float(ks_2samp(f["margins"], s["margins"]).statistic),
            "wasserstein": float(wasserstein_distance(f["margins"], s["margins"])),
            "u": float(mannwhitneyu(f["margins"], s["margins"]).statistic),
        },
        "curve": {
            "members": rounded[:60].tolist(), "strangers": rounded[60:].tolist(),
            "auc": float(roc_auc_score(truth, rounded)),
            "falsePositiveRates": roc_curve(truth, rounded, drop_intermediate=False)[0].tolist(),
            "truePositiveRates": roc_curve(truth, rounded, drop_intermediate=False)[1].tolist(),
            "tprAt10": float(rates[1][rates[0] <= 0.1].max()),
        },
        "distance": {
            "jensenShannon": float((jensenshannon(p, q, axis=1) ** 2).mean()),
            "zrf": float(1 - (jensenshannon(p, q, axis=1, base=2) ** 2).mean()),
            "activation": float(np.sqrt(((p - q) ** 2).sum(axis=1)).mean()),
            "completeness": float((p.argmax(axis=1) == q.argmax(axis=1)).mean()),
        },
        "klom": {
            "unlearned": margins[0].tolist(), "retrained": margins[1].tolist(),
            "each": [klom(margins[0][:, i], margins[1][:, i], False) for i in range(8)],
            "copied": [klom(margins[0][:, i], margins[1][:, i], True) for i in range(8)],
        },
        "copied": {
            "jensenShannon": float(copied_divergence(forget[0], other[0])),
            "activationRMS": float(np.sqrt(((p - q) ** 2).sum(axis=1).mean())),
            "modifiedEntropies": copied_modified_entropy(forget).tolist(),
        },
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, separators=(",", ":"))
    (FOLDER / "evidence.json").write_text(text + "\n")


main()
