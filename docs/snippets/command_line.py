import numpy as np
import pandas as pd
from sklearn.datasets import load_wine
from sklearn.manifold import TSNE

from sksubspace.cli import main
from sksubspace.inspection import ReliabilityDisplay

table = load_wine(as_frame=True)
scaled = (table.data - table.data.mean()) / table.data.std()
kind = np.array(["A", "B", "C"])[table.target]
Z = TSNE(random_state=0).fit_transform(scaled)
bottles = pd.DataFrame({"bottle": scaled.index})
bottles.join(scaled).assign(kind=kind).to_csv("wine.csv", index=False)
bottles.assign(x=Z[:, 0], y=Z[:, 1]).to_csv("map.csv", index=False)
command = "audit wine.csv --embedding map.csv --label kind --id bottle"
main([*command.split(), "--out", "wine"])
ReliabilityDisplay.from_embedding(scaled.to_numpy(), Z, y=kind)
