"""
A map of a plain table: what may be read off it?
================================================

569 tumours, thirty measurements of each in units of their own, and a map of them. Before anybody
reads distances or clusters off it, :func:`~sksubspace.audit_embedding` asks which of these readings
the table supports (:ref:`auditing_a_map`).
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.manifold import TSNE
from sklearn.preprocessing import StandardScaler

from sksubspace import audit_embedding
from sksubspace.inspection import ReliabilityDisplay

table = load_breast_cancer()
kind = np.array(["malignant", "benign"])[table.target]

# %%
# The columns have units of their own, so that they are scaled first; the audit is of the scaled
# table, because that is what the map was drawn from.

X = StandardScaler().fit_transform(table.data)
Z = TSNE(random_state=0).fit_transform(X)
audit = audit_embedding(X, Z, y=kind, data_name="30 scaled measurements")
print(audit)

# %%
# The dots that the table does not place where they stand:

ReliabilityDisplay.from_embedding(X, Z, y=kind)
plt.show()

# %%
# And what each kind of tumour keeps of its own structure:

found = audit.by_group
for line in zip(found["group"], found["within_r2"], found["neighbors_kept"], strict=True):
    print("{:10} R2 within {:.2f}, neighbours kept {:.2f}".format(*line))
