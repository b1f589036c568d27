"""Says in words which browser sent a User-Agent header: "Firefox on Windows".

A browser may claim to be any other, so this helps an owner to recognise a device and proves nothing. A maintained
library would know the versions and models of thousands of devices, which nobody needs to tell their own laptop from
their own phone.
"""

#: What the header contains, and the browser's name. The order matters: Edge and Opera also claim to be Chrome, and
#: Chrome to be Safari.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
)
#: The same for systems. Android also claims to be Linux, and an iPhone to be like Mac OS X.
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
)
UNKNOWN = "Unknown browser"


def browser_words(user_agent: str) -> str:
    """The browser and its system in words, as far as they are known."""
    browser = _first(_BROWSERS, user_agent)
    system = _first(_SYSTEMS, user_agent)
    if browser and system:
        return f"{browser} on {system}"
    return browser or (f"Unknown browser on {system}" if system else UNKNOWN)


def _first(marks: tuple[tuple[str, str], ...], user_agent: str) -> str:
    return next((name for mark, name in marks if mark in user_agent), "")
