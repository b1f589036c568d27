"""The names of cookies. Browsers enforce what the prefix of a name promises, whatever a response says."""


def cookie_name(name: str, *, https: bool, path: str) -> str:
    """The name with the strongest prefix that is possible.

    `__Host-` means that this host set the cookie over TLS for all its paths, so that neither a subdomain nor somebody
    on a plain connection can plant one. Under a path prefix other sites may share the host, and `__Secure-` remains:
    the cookie was set over TLS.
    """
    if not https:
        return name
    return f"__Host-{name}" if path == "/" else f"__Secure-{name}"
