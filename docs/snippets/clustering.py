from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.datasets import load_digits

from sksubspace.cluster import MultilayerGraphClustering
from sksubspace.model_selection import compare_clusterings

X, _ = load_digits(return_X_y=True)
candidates = {
    "k-means": KMeans(n_init=3),
    "Ward": AgglomerativeClustering(),
    "graph": MultilayerGraphClustering(),
}
found = compare_clusterings(X[:900], candidates, n_clusters=10, random_state=0)
print(f"evidence {found.evidence_:.2f}; one Gaussian has less than .1")
for one in found.results:
    print(f"{one.name:8} E {one.excess:.2f}  X {one.out_of_sample:.2f}")
found.plot()
