"""A rate limit as gateways have it: a function of the times of the requests alone."""

import math


class TokenBucket:
    """Lets ``rate`` requests a second pass, after a pause as many at once as pass in a second, and one at least."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._size = max(1.0, rate)
        self._tokens = self._size
        self._at = -math.inf

    def take(self, now: float) -> bool:
        """Tell whether a request passes; one that does not costs nothing. A clock set back refills nothing."""
        self._tokens = min(self._size, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = max(self._at, now)
        passes = self._tokens >= 1
        self._tokens -= passes
        return passes
