"""What matters, in sentences.  They describe the runs that are there, and claim nothing of others."""

from __future__ import annotations

from collections.abc import Iterable

from rnnlab.report.judging.importance import Importance, KeyImportance
from rnnlab.report.judging.labels import short
from rnnlab.report.words.wording import listed, percent

NAMES = {"score": "the score", "diverged": "whether a run diverges"}
LITTLE = 0.02  # of the variance
EXPLANATION = (
    "The importance of a key: the share of the variance between runs that it has to do with, 100% for a key that "
    "decides everything. It is measured by how much worse a forest of trees predicts when the values of the key are "
    "shuffled. The forest is fitted to some seeds and predicts the runs of the others; the range is over these folds "
    "of seeds, and no confidence interval. It describes this grid and tests nothing. Importances do not add up: what "
    "two keys do together counts for both."
)


def importance_sentence(importance: Importance, among: Iterable[str]) -> str:
    """The keys that matter, the most important first; what matters little; and how much all keys explain."""
    among = tuple(among)
    matter = [key for key in importance.keys if key.mean >= LITTLE]
    little = [short(key.key, among) for key in importance.keys if key.mean < LITTLE]
    all_of_them = f"All keys together predict {percent(max(sum(importance.explained) / len(importance.explained), 0))}"
    what = NAMES[importance.quantity]
    if not matter:
        return f"No key says much about {what}. {all_of_them} of the variance between runs."
    first, *others = [f"{short(key.key, among)} ({share_words(key)})" for key in matter]
    then = f", then {listed(others)}" if others else ""
    rest = f"; {listed(little)} {'matters' if len(little) == 1 else 'matter'} little" if little else ""
    return f"For {what}, {first} matters most{then}{rest}. {all_of_them} of the variance between runs."


def share_words(key: KeyImportance) -> str:
    """ "62%, 58% to 66%"."""
    return f"{percent(key.mean)}, {' to '.join(map(percent, key.span))}"
