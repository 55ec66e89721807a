"""What a ridge would say without a group of rows and the row next door, in closed form."""

import numpy as np

from sksubspace._linalg import row_blocks
from sksubspace._student._groups import members_by_size

# keeps I - H regular where the forgotten rows hold all of a feature direction; far below the least
# 1 - h, penalty over eigenvalue, so that it changes no digit that is shown
JITTER = 1e-13
# groups up to this size are solved in stacks, larger ones one by one
_STACKED = 8
_STACK_ELEMENTS = 2**23


def correction(S, S_at, residuals, forget):
    r"""c'(I - H)^-1 E of the rows that each prediction forgets.

    Parameters
    ----------
    S : ndarray of shape (n, r)
        Whitened training rows, S S' = H.

    S_at : ndarray of shape (m, r)
        Whitened places of the predictions.

    residuals : ndarray of shape (n, t)
        E, of the fit on all rows.

    forget : Forget of length m
        With its row numbers into S.

    Notes
    -----
    For the group g of a row, M = I - S_g S_g'. With the row v next door, another group's, the block
    inverse of the bordered system gives, for places o,

    .. math:: c^T (I - H)^{-1} E = q_{oE} + q_{ov} (e_v + q_{vE}) / (1 - q_{vv}), \quad
              q_{oE} = c_o^T M^{-1} E_g, \\quad q_{ov} = s_o^T s_v + c_o^T M^{-1} c_v .
    """
    found = np.empty((len(S_at), residuals.shape[1]))
    groups = forget.groups
    sizes = np.bincount(groups)[groups[forget.own]]
    members = {rows.shape[1]: rows for rows in members_by_size(groups)}
    first = _place_by_size(members, groups)
    for size in np.unique(sizes):
        entries = np.flatnonzero(sizes == size)
        rows = members[size][first[groups[forget.own[entries]]]]  # (k, size)
        solve = _stacked if size <= _STACKED else _one_by_one
        solve(S, S_at, residuals, forget, entries, rows, found)
    return found


def _place_by_size(members, groups):  # -> (n_groups,)
    """Place of each group among the groups of its size."""
    place = np.empty(groups.max() + 1, dtype=int)
    for rows in members.values():
        place[groups[rows[:, 0]]] = np.arange(len(rows))
    return place


def _stacked(S, S_at, residuals, forget, entries, rows, found):
    """Solve the small systems of all entries at once, in stacks that fit into memory."""
    size = rows.shape[1]
    for block in row_blocks(len(entries), max(1, _STACK_ELEMENTS // (size * S.shape[1]))):
        which, group = entries[block], rows[block]
        S_g, at = S[group], S_at[which]
        M = (1 + JITTER) * np.eye(size) - S_g @ S_g.transpose(0, 2, 1)
        sides = [S_g @ at[:, :, None]]
        if forget.next_door is not None:
            S_v = S[forget.next_door[which]]
            sides.append(S_g @ S_v[:, :, None])
        c = np.concatenate(sides, axis=2)  # (k, size, 1 or 2)
        weights = c / M if size == 1 else np.linalg.solve(M, c)
        q_E = np.einsum("ksw,kst->kwt", weights, residuals[group])
        found[which] = q_E[:, 0]
        if forget.next_door is None:
            continue
        q_ov = (at * S_v).sum(axis=1) + (weights[:, :, 0] * c[:, :, 1]).sum(axis=1)
        q_vv = np.square(S_v).sum(axis=1) + (weights[:, :, 1] * c[:, :, 1]).sum(axis=1)
        gain = q_ov / np.maximum(1 - q_vv, JITTER)
        found[which] += gain[:, None] * (residuals[forget.next_door[which]] + q_E[:, 1])


def _one_by_one(S, S_at, residuals, forget, entries, rows, found):
    """Solve the systems of large groups, each once, in the smaller of the two dimensions."""
    group_of = forget.groups[forget.own[entries]]
    for group in np.unique(group_of):
        which = entries[group_of == group]
        S_g, E_g = S[rows[group_of == group][0]], residuals[rows[group_of == group][0]]
        solve = group_solver(S_g)
        at, P = S_at[which], S_g.T @ solve(E_g)
        found[which] = at @ P
        if forget.next_door is None:
            continue
        door = forget.next_door[which]
        S_v = S[door]
        inner = S_v @ S_g.T  # (k, size)
        moved = solve(inner.T)  # (size, k)
        q_ov = (at * S_v).sum(axis=1) + ((at @ S_g.T) * moved.T).sum(axis=1)
        q_vv = np.square(S_v).sum(axis=1) + (inner * moved.T).sum(axis=1)
        gain = q_ov / np.maximum(1 - q_vv, JITTER)
        found[which] += gain[:, None] * (residuals[door] + S_v @ P)


def group_solver(S):  # (m, r) -> callable (m, t) -> (m, t)
    """(I - S S')^-1 by the smaller of the two: itself, or 1 + S (I - S'S)^-1 S'."""
    if len(S) <= S.shape[1]:
        M = (1 + JITTER) * np.eye(len(S)) - S @ S.T
        return lambda sides: np.linalg.solve(M, sides)
    inner = (1 + JITTER) * np.eye(S.shape[1]) - S.T @ S
    return lambda sides: sides + S @ np.linalg.solve(inner, S.T @ sides)
