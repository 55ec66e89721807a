"""What a comparison of clusterings found, as data."""

import json
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sksubspace._clustering_words import html_page, methods, text_page
from sksubspace._spreadsheets import data_frame
from sksubspace._typing import ArrayLike, DataFrame, Floats, Ints, Labels, Matrix, Names, PathLike
from sksubspace.model_selection._result import json_value

if TYPE_CHECKING:
    from sksubspace.cluster import AutoClustering
    from sksubspace.inspection import ClusteringDisplay

_FITTED = ("best_estimator_", "labels_", "row_information_", "row_agreement_")


@dataclass(frozen=True)
class ClusteringResult:
    """One candidate of a comparison of clusterings.

    Attributes
    ----------
    name : str
        As it was given.

    rank : int
        1 for the best.

    excess : float
        E, what its labels of all rows say of those of neighbours beyond a Gaussian, in root nats;
        NaN if the candidate failed.

    metric : str
        Where that is: "whitened" or "plain".

    difference : float
        E less that of the best.

    standard_error : float
        Of the difference.

    tied : bool
        Whether the difference is within one standard error; the best is tied with itself.

    selected : bool
        Whether it was chosen: it has the highest E.

    out_of_sample : float
        X, what fits to halves of the rows find again, as a mean over halvings; NaN if one failed.

    halvings : tuple of float
        X of each halving.

    share : float
        E over what can be reached.

    entropy : float
        Of the labels, in nats.

    largest : float
        Share of the rows in the largest cluster.

    n_clusters : int
        Clusters that were found.

    r2 : float
        R2 of rows left out of the clusters' subspaces, `sksubspace.cluster.subspace_r2`.

    stability : tuple of float
        Of each cluster, the mean Jaccard index with the most similar one of a fit to half the rows.

    accuracy : float
        Share of the rows whose label is that of `y`, under the best matching; NaN without `y`. It
        is shown and never used.

    lost_to_groups : float
        E where rows of a group may be neighbours, less E; NaN without groups.

    seconds : float
        Wall-clock time of the fit to all rows.

    error : str
        What went wrong, in one line; empty if nothing did.
    """

    name: str
    rank: int = 0
    excess: float = np.nan
    metric: str = ""
    difference: float = np.nan
    standard_error: float = np.nan
    tied: bool = False
    selected: bool = False
    out_of_sample: float = np.nan
    halvings: tuple[float, ...] = ()
    share: float = np.nan
    entropy: float = np.nan
    largest: float = np.nan
    n_clusters: int = 0
    r2: float = np.nan
    stability: tuple[float, ...] = ()
    accuracy: float = np.nan
    lost_to_groups: float = np.nan
    seconds: float = np.nan
    error: str = ""


@dataclass(frozen=True)
class ClusterResult:
    """One cluster of the chosen clustering.

    Attributes
    ----------
    cluster : int
        Its number in `labels_`.

    n_samples : int
        Rows in it.

    stability : float
        Mean Jaccard index with the most similar cluster of a fit to half the rows.

    rival : int
        The other cluster that most of its rows' neighbours are in; -1 if none is.

    rival_share : float
        Share of the neighbours of its rows that are in the rival.

    disagreeing : float
        Share of its rows of whose neighbours less than half are in it.

    information : float
        Mean over its rows of what their label says of those of neighbours, in nats.

    r2 : float
        Mean R2 of its rows, left out of the clusters' subspaces.
    """

    cluster: int
    n_samples: int
    stability: float
    rival: int
    rival_share: float
    disagreeing: float
    information: float
    r2: float


@dataclass(frozen=True)
class ClusterNumber:
    """One number of clusters that was tried, with the candidate of the highest E.

    Attributes
    ----------
    n_clusters : int
        How many were asked for.

    name : str
        The candidate.

    excess : float
        Its E.

    out_of_sample : float
        Its X; NaN if a half could not be clustered.

    halvings : tuple of float
        X of each halving.

    evidence : float
        X over the root of log `n_clusters`.

    deviance_explained : float
        Share of the deviance of counts that no clustering has seen which the mean rates of the
        clusters explain; NaN without counts.

    deviance_error : float
        Standard error of its difference from the highest.

    deviance_seen : float
        The same of the counts that were clustered, which rises with the number.
    """

    n_clusters: int
    name: str
    excess: float
    out_of_sample: float
    halvings: tuple[float, ...]
    evidence: float
    deviance_explained: float = np.nan
    deviance_error: float = np.nan
    deviance_seen: float = np.nan


@dataclass(frozen=True, eq=False)
class ClusteringComparison:
    """The outcome of `compare_clusterings`; ``print`` shows a table.

    Attributes
    ----------
    results : tuple of ClusteringResult
        Candidates by rank, with `n_clusters` clusters.

    n_clusters : int
        The number that the results are of: the one that was given; of several, the one with the
        highest X, or with counts the smallest within one standard error of the best.

    numbers : tuple of ClusterNumber
        Each number of clusters that was tried, ascending.

    clusters : tuple of ClusterResult
        Each cluster of the chosen one.

    evidence_ : float
        X of the chosen one over the root of log `n_clusters`. Below .1 there is no more structure
        than one Gaussian has, and a single cluster is an answer.

    best_name_ : str
        Name of the chosen candidate.

    best_estimator_ : AutoClustering
        The chosen candidate alone, fitted to all rows.

    labels_ : dict of str to ndarray of shape (n_samples,)
        Clusters of all rows by each candidate that did not fail.

    row_information_ : ndarray of shape (n_samples,)
        What the chosen label of each row says of those of its neighbours, in nats.

    row_agreement_ : ndarray of shape (n_samples,)
        Share of the neighbours of each row that have its label.

    n_samples : int
        Rows of the data.

    n_features : int
        Columns of the data.

    n_halvings : int
        How often rows were cut into halves.

    n_groups : int
        Groups that were given; 0 without.

    has_counts : bool
        Whether the number of clusters was judged by counts.

    random_state : int
        What repeats the comparison.

    versions : dict of str to str
        Versions of Python and of the packages that the numbers depend on.
    """

    results: tuple[ClusteringResult, ...]
    n_clusters: int
    numbers: tuple[ClusterNumber, ...]
    clusters: tuple[ClusterResult, ...]
    evidence_: float
    best_name_: str
    best_estimator_: "AutoClustering" = field(repr=False)
    labels_: dict[str, Ints] = field(repr=False)
    row_information_: Floats = field(repr=False)
    row_agreement_: Floats = field(repr=False)
    n_samples: int
    n_features: int
    n_halvings: int
    n_groups: int
    has_counts: bool
    random_state: int
    versions: dict[str, str]

    @property
    def ties_(self) -> tuple[str, ...]:
        """Names of the candidates that the data do not tell apart from the best, which is first.

        Returns
        -------
        tuple of str
            At least one.
        """
        return tuple(row.name for row in self.results if row.tied)

    def predict(self, X: Matrix) -> Labels:
        """Give new rows to the clusters of the chosen candidate.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            New rows.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            By the candidate's own `predict`, or the label of the nearest row, as
            ``best_estimator_.predicts_by_`` says.
        """
        return self.best_estimator_.predict(X)

    def __str__(self) -> str:
        """Show a table of about 100 columns, and how to read it."""
        return text_page(self)

    def _repr_html_(self):
        return html_page(self)

    def to_frame(self) -> DataFrame:
        """Return the candidates as a pandas data frame, by rank.

        Returns
        -------
        pandas.DataFrame
            One row for each candidate.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        names = [one.name for one in fields(ClusteringResult)]
        return data_frame([{n: getattr(row, n) for n in names} for row in self.results], "to_frame")

    def to_json(self, path: PathLike | None = None, *, timings: bool = True) -> str:
        """Return the outcome as JSON, and write it to a file.

        Parameters
        ----------
        path : str, path or None, default=None
            File to write; None writes none.

        timings : bool, default=True
            Whether wall-clock times are in it. Without them two runs give the same bytes.

        Returns
        -------
        str
            Strict JSON: numbers that are not finite are null.
        """
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        told = {name: json_value(value) for name, value in known.items() if name not in _FITTED}
        for name in ("results", "numbers", "clusters"):
            told[name] = [_as_plain(row, timings) for row in known[name]]
        text = json.dumps(told, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
        if path is not None:
            Path(path).write_bytes(text.encode("utf8"))
        return text

    def plot(self, **kwargs: Any) -> "ClusteringDisplay":
        """Draw the candidates by E, or the numbers of clusters by X where there are several.

        Parameters
        ----------
        **kwargs : dict
            Passed to ``ClusteringDisplay.from_comparison``, such as ``kind`` and ``ax``.

        Returns
        -------
        sksubspace.inspection.ClusteringDisplay
            The picture.
        """
        from sksubspace.inspection import ClusteringDisplay

        return ClusteringDisplay.from_comparison(self, **kwargs)

    def to_report(
        self,
        path: PathLike,
        *,
        embedding: ArrayLike | None = None,
        ids: Names | None = None,
        data_name: str | None = None,
    ) -> Path:
        """Write one self-contained HTML page, and each table and figure of it beside.

        Parameters
        ----------
        path : str or path
            File to write, in a folder that exists.

        embedding : array-like of shape (n_samples, 2) or None, default=None
            Places to draw the rows at, such as a map or two principal components; None draws no
            map.

        ids : sequence of str or None, default=None
            Names of the rows; None counts them.

        data_name : str or None, default=None
            What was clustered, for the title.

        Returns
        -------
        pathlib.Path
            The file.
        """
        from sksubspace.report import write_clusters

        return write_clusters(self, path, embedding=embedding, ids=ids, data_name=data_name)

    def methods_text(self) -> str:
        """Describe what was done, for the methods section of a paper.

        Returns
        -------
        str
            A paragraph.
        """
        return methods(self)


def _as_plain(row, timings):
    left_out = () if timings else ("seconds",)
    return {
        one.name: json_value(getattr(row, one.name))
        for one in fields(row)
        if one.name not in left_out
    }
