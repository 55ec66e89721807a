"""Elastic net on small sets of atoms, many rows at once, by homotopy.

Osborne, Presnell and Turlach, "A new approach to variable selection in least squares problems", IMA
Journal of Numerical Analysis 2000; Efron, Hastie, Johnstone and Tibshirani, "Least angle
regression", Annals of Statistics 2004.
"""

from functools import partial

import torch

__all__ = ["homotopy"]

# room for so many active atoms at first; it grows by a quarter
_FIRST_SLOTS = 8
# a path that takes more steps than that goes in circles
_STEPS_PER_ATOM = 3
# share of rows that stand still before they are thrown out: throwing out copies the others
_MOST_DONE = 0.25
# of the squared length of an atom: what is left of it beside the active ones counts as nothing
_DEPENDENT = {torch.float64: 1e-12, torch.float32: 1e-5}
# slack of the conditions of optimality, of the penalty and of the largest correlation
_VIOLATED = 1e-7
_ROUNDING = 1e-12
# ridge that is added, in units of the penalty, and by how much dependence is judged more strictly
_ATTEMPTS = ((0.0, 1), (1e-6, 1e3), (1e-4, 1e6))
_NOTHING, _JOIN, _DROP = 0, 1, 2


def homotopy(inner, b, squared_norms, allowed, penalty, ridge):
    r"""Minimise :math:`\frac12 \|x - cD\|^2 + \lambda \|c\|_1 + \frac\mu2 \|c\|^2` for each row.

    The solution is followed from the penalty at which it is zero down to :math:`\lambda`. Between
    events it is linear in the penalty: with the active atoms A and their signs s, it moves along
    :math:`u = (D_A D_A^T + \mu I)^{-1} s`, and the correlations of all atoms with the residual move
    along :math:`-D D_A^T u`. An event is an atom whose correlation reaches the penalty (it joins)
    or an active one whose coefficient reaches zero (it drops out). Either changes the inverse by a
    matrix of rank one.

    Parameters
    ----------
    inner : callable
        Maps rows (r,) of this problem and a position (r,) of each to the inner products (r, w) of
        that atom with the row's atoms.
    b : Tensor of shape (n_rows, w)
        Inner products of each row with its atoms.
    squared_norms : Tensor of shape (n_rows, w)
        Squared lengths of the atoms.
    allowed : Tensor of shape (n_rows, w)
        Which atoms may be used.
    penalty : Tensor of shape (n_rows,)
        :math:`\lambda > 0`.
    ridge : Tensor of shape (n_rows,)
        :math:`\mu \ge 0`.

    Returns
    -------
    c : Tensor of shape (n_rows, w)
        The coefficients.

    Notes
    -----
    The path is followed in double precision, whatever that of the inner products. Where ties lead
    it astray, so that the conditions of optimality do not hold at its end or it takes more than
    three steps an atom, it is followed again with a ridge larger by 1e-6 of the penalty, and at
    last by 1e-4.
    """
    solution = torch.zeros_like(b)
    rows = torch.arange(len(b), device=b.device)
    for more_ridge, caution in _ATTEMPTS:
        problem = (b[rows], squared_norms[rows], allowed[rows], penalty[rows])
        stabilised = ridge[rows] + more_ridge * penalty[rows]
        path = _Path(partial(_of_some, inner, rows), *problem, stabilised, caution)
        path.follow()
        solution[rows] = path.solution.to(b.dtype)
        rows = rows[path.unsure]
        if len(rows) == 0:
            break
    return solution


def _of_some(inner, rows, chosen, position):
    return inner(rows[chosen], position)


class _Path:
    """The state of the rows, of which those that are done are thrown out now and then.

    An active atom sits in one of a row's slots. Empty slots have zero sign, coefficient and rows
    and columns of the inverse, so that they need no further care.
    """

    def __init__(self, inner, b, squared_norms, allowed, penalty, ridge, caution):
        n, w = b.shape
        self.inner, self.dependent = inner, caution * _DEPENDENT[b.dtype]
        b, squared_norms, penalty, ridge = (
            part.to(_precise(b.device)) for part in (b, squared_norms, penalty, ridge)
        )
        self.solution = torch.zeros_like(b)
        self.unsure, self.done = (torch.zeros(n, dtype=bool, device=b.device) for _ in range(2))
        self.rows = torch.arange(n, device=b.device)
        self.b, self.a, self.norms, self.end, self.ridge = b, b, squared_norms, penalty, ridge
        self.free = allowed.clone()  # neither active nor forbidden nor rejected
        self.rejected = torch.zeros_like(allowed)  # depend on the active atoms
        self.c, self.sign = (b.new_zeros(n, _FIRST_SLOTS) for _ in range(2))
        self.position = torch.zeros(n, _FIRST_SLOTS, dtype=torch.int64, device=b.device)
        self.inverse = b.new_zeros(n, _FIRST_SLOTS, _FIRST_SLOTS)
        self.gram = b.new_zeros(n, _FIRST_SLOTS, w)  # inner products of active atoms with all
        self.now, self.which = torch.where(allowed, b.abs(), -1).max(dim=1)
        self.event = torch.full_like(self.which, _JOIN)
        self.event_sign = b.gather(1, self.which[:, None])[:, 0].sign()
        self._finish(self.now <= self.end)

    def follow(self):
        """Follow the paths to their ends, or for long enough."""
        for _ in range(_STEPS_PER_ATOM * self.b.shape[1] + 10):
            if bool(self.done.all()):
                return
            self.step()
        self.unsure[self.rows[~self.done]] = True
        self._store(~self.done)

    def step(self):
        """Apply the last event and go to the next."""
        change, scale = torch.zeros_like(self.c), torch.zeros_like(self.now)
        joining = torch.nonzero(self.event == _JOIN)[:, 0]
        if len(joining):
            change, scale = self._join(joining, change, scale)
        dropping = torch.nonzero(self.event == _DROP)[:, 0]
        if len(dropping):
            self._drop(dropping, change, scale)
        self.inverse.addcmul_((scale[:, None] * change)[:, :, None], change[:, None])
        if len(dropping):
            slot = self.which[dropping]
            self.inverse[dropping, slot] = 0.0
            self.inverse[dropping, :, slot] = 0.0
        u = (self.inverse @ self.sign[:, :, None])[:, :, 0]
        g = (u[:, None] @ self.gram)[:, 0]
        self._move(u, g, dropping)

    def _join(self, rows, change, scale):
        """[[M^-1 + ff'/s, -f/s], [-f'/s, 1/s]] with f = M^-1 m, s = m_jj - m'f."""
        if bool((self.sign[rows] != 0).all(dim=1).any()):
            self._add_slots()
            change = torch.zeros_like(self.c)
        new = self.which[rows]
        slot = (self.sign[rows] == 0).to(torch.uint8).argmax(dim=1)
        products = self.inner(self.rows[rows], new).to(self.b.dtype)
        active = products.gather(1, self.position[rows])
        change[rows] = active
        f = (self.inverse @ change[:, :, None])[rows, :, 0]
        change[rows] = 0.0
        full = self.norms[rows, new] + self.ridge[rows]
        rest = full - (f * active).sum(dim=1)
        usable = rest > self.dependent * full
        self.free[rows, new] = False
        self.rejected[rows[~usable], new[~usable]] = True
        rows, new, slot, f = rows[usable], new[usable], slot[usable], f[usable]
        self.gram[rows, slot] = products[usable]
        self.position[rows, slot] = new
        self.sign[rows, slot] = self.event_sign[rows]
        self.c[rows, slot] = 0.0
        change[rows] = f
        change[rows, slot] = -1.0
        scale[rows] = 1 / rest[usable]
        return change, scale

    def _drop(self, rows, change, scale):
        """M^-1 - hh'/h_p with h the column p of M^-1; row and column p are then cleared."""
        slot = self.which[rows]
        column = self.inverse[rows, :, slot]
        change[rows] = column
        scale[rows] = -1 / column.gather(1, slot[:, None])[:, 0]
        self.event_sign[rows] = self.sign[rows, slot]
        for part in (self.sign, self.c):
            part[rows, slot] = 0.0
        self.free[rows, self.position[rows, slot]] = True
        self.free[rows] |= self.rejected[rows]
        self.rejected[rows] = False

    def _move(self, u, g, dropped):
        """To the first of: an atom joins, an active one drops out, the penalty is reached."""
        to_join, atom, sign = self._next_join(g, dropped)
        to_drop = _time_to_border(self.c * self.sign, -u * self.sign, torch.finfo(u.dtype).tiny)
        to_drop, slot = to_drop.min(dim=1)
        to_end = self.now - self.end
        length = torch.minimum(torch.minimum(to_join, to_drop), to_end)
        self.c = self.c + length[:, None] * u
        self.a = self.a - length[:, None] * g
        self.now = self.now - length
        joins = to_join <= to_drop
        self.event = torch.where(joins, _JOIN, _DROP)
        self.which = torch.where(joins, atom, slot)
        self.event_sign = sign
        self._finish(to_end <= length)

    def _next_join(self, g, dropped):  # -> length (B,), position (B,), sign (B,)
        tiny = 10 * torch.finfo(g.dtype).eps
        now = self.now[:, None]
        up = _time_to_border(now - self.a, 1 - g, tiny)
        down = _time_to_border(now + self.a, 1 + g, tiny)
        if len(dropped):  # it stands at the border, and must not come back at once
            position = self.position[dropped, self.which[dropped]]
            positive = self.event_sign[dropped] > 0
            up[dropped[positive], position[positive]] = torch.inf
            down[dropped[~positive], position[~positive]] = torch.inf
        length, atom = torch.where(self.free, torch.minimum(up, down), torch.inf).min(dim=1)
        is_up = (up <= down).gather(1, atom[:, None])[:, 0]
        return length, atom, torch.where(is_up, 1.0, -1.0).to(g.dtype)

    def _finish(self, done):
        """Rows that are done stand still from now on; when they are many they are thrown out."""
        self.event = torch.where(done, _NOTHING, self.event)
        new = done & ~self.done
        if not bool(new.any()):
            return
        self._store(new)
        self.done = done
        self.now = torch.where(done, self.end, self.now)
        if int(done.sum()) <= _MOST_DONE * len(done):
            return
        for name in (
            *("rows", "b", "a", "norms", "end", "ridge", "free", "rejected", "now", "done"),
            *("c", "sign", "position", "inverse", "gram", "event", "which", "event_sign"),
        ):
            setattr(self, name, getattr(self, name)[~done])

    def _store(self, done):
        """Keep the solutions of these rows, after a step of iterative refinement."""
        rows, c, sign = self.rows[done], self.c[done], self.sign[done]
        error, _ = self._violations(done, c)
        c = c + (self.inverse[done] @ torch.where(sign != 0, error, 0)[:, :, None])[:, :, 0]
        error, outside = self._violations(done, c)
        largest = torch.maximum(torch.where(sign != 0, error.abs(), 0).amax(dim=1), outside)
        wrong = (c * sign < -_VIOLATED * c.abs().amax(dim=1, keepdim=True)).any(dim=1)
        slack = _VIOLATED * self.end[done] + _ROUNDING * self.b[done].abs().amax(dim=1)
        self.unsure[rows] |= wrong | (largest > slack)
        c = torch.where(c * sign > 0, c, 0)
        found = torch.zeros_like(self.b[done])
        self.solution[rows] = found.scatter_add_(1, self.position[done], c)

    def _violations(self, done, c):  # -> of active atoms (r, K), largest of the others (r,)
        """Optimality: a = (lambda + mu |c|) s for active atoms, |a| <= lambda for the others."""
        a = self.b[done] - (c[:, None] @ self.gram[done])[:, 0]
        wanted = self.end[done, None] * self.sign[done] + self.ridge[done, None] * c
        others = self.free[done]
        outside = torch.where(others, a.abs(), 0).amax(dim=1) - self.end[done]
        return a.gather(1, self.position[done]) - wanted, outside

    def _add_slots(self):
        extra = max(_FIRST_SLOTS, self.sign.shape[1] // 4)
        pad = torch.nn.functional.pad
        self.sign, self.c, self.position = (
            pad(part, (0, extra)) for part in (self.sign, self.c, self.position)
        )
        self.inverse = pad(self.inverse, (0, extra, 0, extra))
        self.gram = pad(self.gram, (0, 0, 0, extra))


def _time_to_border(distance, speed, tiny):  # infinite where the border moves away
    return torch.where(speed > tiny, distance.clamp(min=0) / speed, torch.inf)


def _precise(device):
    """Double precision, where the device has it."""
    return torch.float32 if device.type == "mps" else torch.float64
