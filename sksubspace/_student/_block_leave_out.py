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


def correction(S, S_at, residuals, forget, doors=(None, None)):
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

    doors : tuple of ndarray of shape (m, s)
        Rows next door and how many each stands for, as `Forget.doors` tells; None without.

    Notes
    -----
    For the group g of a row, M = I - S_g S_g'. With the rows V next door, another group's, the
    block inverse of the bordered system gives, for places o,

    .. math:: c^T (I - H)^{-1} E = q_{oE} + q_{oV} (I - Q_{VV})^{-1} (E_V + Q_{VE}), \quad
              q_{oE} = c_o^T M^{-1} E_g, \quad q_{oV} = s_o^T S_V^T + c_o^T M^{-1} c_V .

    A row that stands for w equal ones enters with the root of w times its features and residual.
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
        solve(S, S_at, residuals, doors, entries, rows, found)
    return found


def _place_by_size(members, groups):  # -> (n_groups,)
    """Place of each group among the groups of its size."""
    place = np.empty(groups.max() + 1, dtype=int)
    for rows in members.values():
        place[groups[rows[:, 0]]] = np.arange(len(rows))
    return place


def _at_doors(S, residuals, doors, which):  # -> (k, s, r), (k, s, t)
    """Features and residuals of the rows next door, times the roots of what they stand for."""
    rows, roots = doors[0][which], np.sqrt(doors[1][which])[:, :, None].astype(S.dtype)
    return roots * S[rows], roots * residuals[rows]


def _through_doors(q_ov, q_vv, gained):  # (k, s), (k, s, s), (k, s, t) -> (k, t)
    """q_ov (I - q_vv)^-1 (what is gained)."""
    if q_ov.shape[1] == 1:
        return q_ov / np.maximum(1 - q_vv[:, 0], JITTER) * gained[:, 0]
    rest = (1 + JITTER) * np.eye(q_ov.shape[1]) - q_vv
    return np.einsum("kst,ks->kt", gained, np.linalg.solve(rest, q_ov[:, :, None])[:, :, 0])


def _stacked(S, S_at, residuals, doors, entries, rows, found):
    """Solve the small systems of all entries at once, in stacks that fit into memory."""
    size, n_doors = rows.shape[1], 0 if doors[0] is None else doors[0].shape[1]
    many = max(1, _STACK_ELEMENTS // (max(size, n_doors) * S.shape[1]))
    for block in row_blocks(len(entries), many):
        which, group = entries[block], rows[block]
        S_g, at = S[group], S_at[which]
        M = (1 + JITTER) * np.eye(size) - S_g @ S_g.transpose(0, 2, 1)
        sides = [S_g @ at[:, :, None]]
        if n_doors:
            S_v, E_v = _at_doors(S, residuals, doors, which)
            sides.append(S_g @ S_v.transpose(0, 2, 1))
        c = np.concatenate(sides, axis=2)  # (k, size, 1 + s)
        weights = c / M if size == 1 else np.linalg.solve(M, c)
        q_E = np.einsum("ksw,kst->kwt", weights, residuals[group])
        found[which] = q_E[:, 0]
        if n_doors:
            of_doors = c[:, :, 1:]
            q_ov = np.einsum("kr,kvr->kv", at, S_v)
            q_ov += np.einsum("kg,kgv->kv", weights[:, :, 0], of_doors)
            q_vv = S_v @ S_v.transpose(0, 2, 1) + weights[:, :, 1:].transpose(0, 2, 1) @ of_doors
            found[which] += _through_doors(q_ov, q_vv, E_v + q_E[:, 1:])


def _one_by_one(S, S_at, residuals, doors, entries, rows, found):
    """Solve the systems of large groups, each once, in the smaller of the two dimensions."""
    _, group_of = np.unique(rows[:, 0], return_inverse=True)
    for group in range(group_of.max() + 1):
        which = entries[group_of == group]
        members = rows[group_of == group][0]
        S_g, E_g = S[members], residuals[members]
        solve = group_solver(S_g)
        at, P = S_at[which], S_g.T @ solve(E_g)
        found[which] = at @ P
        if doors[0] is None:
            continue
        S_v, E_v = _at_doors(S, residuals, doors, which)
        k, s, _ = S_v.shape
        inner = S_v.reshape(k * s, -1) @ S_g.T  # (k s, size)
        moved = solve(inner.T).T.reshape(k, s, -1)
        q_ov = np.einsum("kr,kvr->kv", at, S_v) + np.einsum("kg,kvg->kv", at @ S_g.T, moved)
        q_vv = S_v @ S_v.transpose(0, 2, 1) + inner.reshape(k, s, -1) @ moved.transpose(0, 2, 1)
        found[which] += _through_doors(q_ov, q_vv, E_v + S_v @ P)


def group_solver(S):  # (m, r) -> callable (m, t) -> (m, t)
    """(I - S S')^-1 by the smaller of the two: itself, or 1 + S (I - S'S)^-1 S'."""
    if len(S) <= S.shape[1]:
        M = (1 + JITTER) * np.eye(len(S)) - S @ S.T
        return lambda sides: np.linalg.solve(M, sides)
    inner = (1 + JITTER) * np.eye(S.shape[1]) - S.T @ S
    return lambda sides: sides + S @ np.linalg.solve(inner, S.T @ sides)
