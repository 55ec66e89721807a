"""Numbers and untrusted names as text."""

import math
import unicodedata

_LONGEST = 120
# control characters, lone surrogates and letters that are none
_UNPRINTABLE = {"Cc", "Cs", "Cn"}
_DASH = "–"
_MINUS = "−"


def plain(value, longest=_LONGEST):
    """Turn a name of any type into one printable line; escaping is the template's business.

    Control characters and lone surrogates have no place in HTML; what is cut off ends in an
    ellipsis.
    """
    text = " ".join(str(value).split())
    text = "".join("\ufffd" if unicodedata.category(c) in _UNPRINTABLE else c for c in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def block(value):
    """Do as `plain` for each line of a text, and keep the lines."""
    return "\n".join(
        " " * (len(line) - len(line.lstrip(" "))) + plain(line, 2000)
        for line in str(value).splitlines()
    )


def fixed(value, digits=3):
    """Format with a fixed number of decimals; a dash for NaN."""
    if not _is_finite(value):
        return _DASH
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", _MINUS)


def signed(value, digits=3):
    """Format with a fixed number of decimals and a sign."""
    text = fixed(value, digits)
    return text if text[0] in _MINUS + _DASH or float(text) == 0 else f"+{text}"


def significant(value, digits=3):
    """Format with so many significant digits; a dash for NaN."""
    if not _is_finite(value):
        return _DASH
    value = float(value)
    text = f"{value:.{digits}g}"
    if "e" not in text:
        return text.replace("-", _MINUS)
    if 1 <= abs(value) < 1e7:
        return f"{value:,.0f}".replace("-", _MINUS)
    mantissa, power = text.split("e")
    return f"{mantissa}e{int(power)}".replace("-", _MINUS)


def measured(value):
    """Format with three significant digits, trailing zeros kept, so that a column lines up."""
    text = significant(value)
    if not _is_finite(value) or "e" in text or "," in text:
        return text
    return f"{value:#.3g}".rstrip(".").replace("-", _MINUS)


def p_value(value):
    """Format a p-value; small ones as a bound."""
    if not _is_finite(value):
        return _DASH
    return "< 0.001" if value < 0.001 else fixed(value)


def percent(value, digits=1):
    """Format a share as per cent."""
    return f"{fixed(100 * value, digits)} %" if _is_finite(value) else _DASH


def count(value):
    """Format an integer with separators of thousands."""
    return f"{int(value):,}"


def seconds(value):
    """Format a duration in seconds: hundredths below one, whole seconds from ten on."""
    if not _is_finite(value):
        return _DASH
    if value < 0.005:
        return "< 0.01"
    return f"{value:,.{0 if value >= 10 else 1 if value >= 1 else 2}f}"


def listed(names):
    """Join names as in a sentence."""
    names = list(names)
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def plural(number, noun, nouns=None):
    """Put a number before its noun."""
    return f"{count(number)} {noun if number == 1 else nouns or noun + 's'}"


def _is_finite(value):
    return value is not None and math.isfinite(value)
