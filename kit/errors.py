"""What infrastructure needs to know about refusals without knowing the catalogue."""


class Refusal(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """A request that was understood and declined. The caller gets an answer; nothing is wrong with the site."""
