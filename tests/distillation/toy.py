"""Teachers and a callback that tests share."""

from scipy import sparse
from sklearn.base import BaseEstimator


class Fixed(BaseEstimator):
    """A teacher that returns what it was given, and remembers how it was called."""

    def __init__(self, Z=None, random_state=None):
        self.Z = Z
        self.random_state = random_state

    def fit_transform(self, X, y=None):
        self.seen_X_, self.seen_y_ = X, y
        return self.Z


class FirstColumns(BaseEstimator):
    """A teacher that keeps two columns; it can place new rows."""

    def fit_transform(self, X, y=None):
        return self.transform(X)

    def transform(self, X):
        return X[:, :2].toarray() if sparse.issparse(X) else X[:, :2]


class Recorder:
    """A callback that notes every task; ends trainings after `n_epochs` epochs if that is given."""

    def __init__(self, n_epochs=None):
        self.n_epochs = n_epochs
        self.begun, self.ended, self.torn_down = [], [], 0

    def setup(self, estimator, context):
        pass

    def teardown(self, estimator, context):
        self.torn_down += 1

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(self.note(context))

    def on_fit_task_end(self, estimator, context, metadata=None):
        self.ended.append(self.note(context))
        is_last = self.n_epochs is not None and context.task_id + 1 == self.n_epochs
        return context.task_name == "epoch" and is_last

    def note(self, context):
        return context.task_name
