# SPDX-License-Identifier: Apache-2.0
"""Intervals of 95 %."""
import math

Z = 1.959963984540054  # the 97.5 % point of the normal distribution


def wilson(k, n):
    """Score interval of a proportion (E. B. Wilson, JASA 22 (1927) 209)."""
    if not n:
        return 0.0, 1.0
    p, z2 = k / n, Z * Z
    mid, half = p + z2 / (2 * n), Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, (mid - half) / (1 + z2 / n)), min(1.0, (mid + half) / (1 + z2 / n))


def poisson_below(k, mean):
    """P(X <= k)."""
    if k < 0:
        return 0.0
    return math.fsum(math.exp(i * math.log(mean) - mean - math.lgamma(i + 1))
                     for i in range(k + 1)) if mean > 0 else 1.0


def poisson(k):
    """Exact interval of a Poisson mean after k events (F. Garwood, Biometrika 28 (1936)
    437)."""
    def solve(f):
        low, high = 0.0, k + 10 * math.sqrt(k + 1) + 10
        for _ in range(80):
            mid = (low + high) / 2
            low, high = (mid, high) if f(mid) else (low, mid)
        return (low + high) / 2
    return (solve(lambda m: 1 - poisson_below(k - 1, m) < 0.025) if k
            else 0.0), solve(lambda m: poisson_below(k, m) > 0.025)


def mean(values):
    """(mean, half width) by the normal approximation; None without values."""
    if not values:
        return None
    m = math.fsum(values) / len(values)
    if len(values) < 2:
        return m, float("nan")
    return m, Z * math.sqrt(
            math.fsum((v - m) ** 2 for v in values) / (len(values) - 1) / len(values))


def median(values):
    """(median, low, high) from order statistics; None without values."""
    v = sorted(values)
    if not v:
        return None
    n = len(v)
    half = Z * math.sqrt(n) / 2
    return v[n // 2], v[max(0, math.floor(n / 2 - half))], v[
            min(n - 1, math.ceil(n / 2 + half))]
