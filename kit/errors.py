"""What infrastructure needs to know about refusals without knowing the catalogue of error codes."""


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """A request that was understood and declined. It is answered like any other and does not count as a failure."""
