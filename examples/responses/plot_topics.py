"""
Topics that tell spam from messages
===================================

A topic model writes each message as a sum of a few topics, and does not know what the topics are
wanted for. ``SupervisedDictionaryLearning`` finds topics that rebuild the messages and tell spam,
beside numbers about a message that are no words: its length, its digits and its capitals.
Guide: :ref:`supervised_dictionaries`.
"""

import os
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse
from sklearn import set_config
from sklearn.decomposition import NMF
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sksubspace import SupervisedDictionaryLearning

# %%
# The messages are those of the SMS Spam Collection, where the folder in the environment variable
# ``SKSUBSPACE_DATA`` has the file ``sms_spam.tsv``. Elsewhere a stand-in is written from lists of
# words, so that this page can be made without a connection.

CHATS = [
    "see meet home later tonight lunch dinner pick bus late work leave finish class wait",
    "love miss happy sleep dear night sweet heart kiss babe good morning dream smile hug",
    "what how when can call time tell number know where mail send think want sure",
]
ADVERTS = [
    "win prize claim cash free award winner guaranteed urgent draw weekly call box code pounds",
    "free mobile ringtone text tone camera offer latest colour network send unlimited phone stop",
    "chat single dating call service friends waiting live reply secret now girls date text",
]


def stand_in(n_messages=2000, seed=0):
    """Messages of some words on one theme and some on any; one in seven is spam."""
    rng = np.random.RandomState(seed)
    themes = [[theme.split() for theme in kind] for kind in (CHATS, ADVERTS)]
    every = sorted({word for kind in themes for theme in kind for word in theme})
    spam, texts = (rng.rand(n_messages) < 1 / 7).astype(int), []
    for label in spam:
        words = [*rng.choice(themes[label][rng.randint(3)], 4 + label), *rng.choice(every, 6)]
        if rng.rand() < (0.6, 0.9)[label]:
            words = words[: rng.randint(3, len(words) + 1)]
        if rng.rand() < (0.1, 0.7)[label]:
            words.append(str(rng.randint(10**4, 10**8)))
        text = " ".join(words)
        texts.append(text.upper() if rng.rand() < (0.03, 0.3)[label] else text)
    return np.array(texts, dtype=object), spam


def messages():
    """Texts, and 1 for spam."""
    path = Path(os.environ.get("SKSUBSPACE_DATA", "")) / "sms_spam.tsv"
    if not path.is_file():
        return stand_in()
    lines = path.read_text(encoding="utf-8").split("\n")
    kinds, texts = zip(*(line.split("\t", 1) for line in lines if "\t" in line), strict=True)
    return np.array(texts, dtype=object), np.array([kind == "spam" for kind in kinds], dtype=int)


texts, spam = messages()
counts = [(len(text), sum(map(str.isdigit, text)), sum(map(str.isupper, text))) for text in texts]
texts_train, texts_test, side_train, side_test, y_train, y_test = train_test_split(
    texts, np.log1p(counts), spam, test_size=0.3, stratify=spam, random_state=0
)
words = TfidfVectorizer(min_df=3, max_df=0.15)
X_train, X_test = words.fit_transform(texts_train), words.transform(texts_test)
print(f"{X_train.shape[0]} messages to learn from, {y_train.mean():.0%} spam")
print(f"{X_train.shape[1]} words, {X_train.nnz / X_train.shape[0]:.1f} in a message")

# %%
# Ten topics
# ----------
# Words and topics are never negative here, so that a message is a sum of topics and nothing is
# taken away. The three numbers come as ``X_aux``: they count for the class and are not rebuilt.

topics = SupervisedDictionaryLearning(
    10, nonnegative=True, solver="bcd", tol=1e-5, class_weight="balanced", random_state=0
)
topics.fit(X_train, y_train, X_aux=side_train)
names = topics.top_features(7, words.get_feature_names_out())
order = np.argsort(-topics.coef_[0])
for j in order:
    print(f"{topics.coef_[0, j]:6.1f}  {' '.join(names[j])}")

# %%
# The number before a topic is its coefficient: the topics of spam are at the top. On the right are
# the coefficients of the three numbers, for a change by one standard deviation.

fig, (left, right) = plt.subplots(1, 2, figsize=(10, 4), width_ratios=[3, 1], layout="constrained")
coef = topics.coef_[0, order]
left.barh(range(10), coef, color=np.where(coef > 0, "tab:red", "tab:blue"))
left.set_yticks(range(10), [", ".join(names[j, :4]) for j in order])
left.set(xlabel="coefficient of the topic", ylim=(9.6, -0.6))
effects = topics.aux_coef_[0] * side_train.std(axis=0)
right.barh(range(3), effects, color=np.where(effects > 0, "tab:red", "tab:blue"))
right.set_yticks(range(3), ["length", "digits", "capitals"])
right.set(xlabel="coefficient, by deviation", ylim=(2.6, -0.6))
for ax in (left, right):
    ax.axvline(0, color="0.3", linewidth=0.8)
plt.show()

# %%
# Is it spam?
# -----------
# By the topics; by topics that were found without the labels, and a logistic regression on them;
# and by a logistic regression on all the words. F1 of spam, on the messages that were left out.

plain = SupervisedDictionaryLearning(
    10, nonnegative=True, solver="bcd", tol=1e-5, class_weight="balanced", random_state=0
).fit(X_train, y_train)
nmf = make_pipeline(NMF(10, init="nndsvda", max_iter=500, random_state=0), StandardScaler())
inputs = {
    "logistic regression on all words": (X_train, X_test),
    "NMF, then logistic regression": (nmf.fit_transform(X_train), nmf.transform(X_test)),
}
scaler = StandardScaler().fit(side_train)


def logistic(train, test):
    model = LogisticRegression(class_weight="balanced", max_iter=2000).fit(train, y_train)
    return f1_score(y_test, model.predict(test))


def with_side(rows, side):
    return sparse.hstack([sparse.csr_array(rows), scaler.transform(side)], format="csr")


print(f"{'F1 of spam':36} words   words and numbers")
for name, (train, test) in inputs.items():
    both = logistic(with_side(train, side_train), with_side(test, side_test))
    print(f"{name:36} {logistic(train, test):.3f}   {both:.3f}")
alone = f1_score(y_test, plain.predict(X_test))
both = f1_score(y_test, topics.predict(X_test, X_aux=side_test))
print(f"{'supervised topics':36} {alone:.3f}   {both:.3f}")

# %%
# By words alone, topics that know the labels tell spam better than topics that do not; with the
# three numbers the difference is small. They are not there to beat a classifier that sees every
# word, which needs no topics: they say in ten numbers what a message is about, and lose little of
# what tells spam.
#
# In a search
# -----------
# ``X_aux`` has a row for each row of X, so a search must split it too. That is what metadata
# routing is for: the estimator says which methods ask for it. The first score is for much weight on
# the class, the last for much weight on the messages.

set_config(enable_metadata_routing=True)
routed = SupervisedDictionaryLearning(5, class_weight="balanced", random_state=0)
routed.set_fit_request(X_aux=True).set_score_request(X_aux=True)
weights = [0.3, 3, 30, 300]
search = GridSearchCV(routed, {"reconstruction_weight": weights}, cv=3)
search.fit(X_train, y_train, X_aux=side_train)
set_config(enable_metadata_routing=False)
for weight, score in zip(weights, search.cv_results_["mean_test_score"], strict=True):
    print(f"weight {weight:5}: accuracy {score:.3f}")
