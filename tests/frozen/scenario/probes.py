"""Probes and files: /livez, /readyz, the internal port, /static/."""

from urllib.parse import urlsplit

from tests.frozen.cast import Play


def play(play: Play) -> None:
    stranger = play.stranger
    for path in ("/livez", "/readyz"):
        stranger.get(f"GET {path}", path)
        stranger.send(f"HEAD {path}", "HEAD", path)
        stranger.send(f"POST {path}", "POST", path)
        stranger.get(f"GET {path} by an address", path, Host="10.1.2.3:8000")
    stranger.get("A probe's path has no slash", "/livez/")
    stranger.get("The site's own port shows no metrics", "/metrics")
    inside = play.client(port=play.stage.internal)
    for path in ("/livez", "/readyz", "/nothing"):
        inside.get(f"GET {path} on the internal port", path)
    inside.send("HEAD /metrics on the internal port", "HEAD", "/metrics")
    inside.send("POST /metrics on the internal port", "POST", "/metrics")
    _metrics(play)
    style = next(asset for asset in stranger.get(None, "/").page().assets if asset.endswith("base.css"))
    file = stranger.get("A file of the pages", urlsplit(style).path)
    stranger.get("A file that is known", style, If_None_Match=file.header("ETag"))
    stranger.get("A file that is not there", "/static/nothing.css")


def _metrics(play: Play) -> None:
    """A site with several processes shows what was counted so far, the gRPC server everything that it could count."""
    counted = play.client(port=play.stage.internal).get("GET /metrics on the internal port", "/metrics")
    assert "wallet_http_request_duration_seconds_bucket" in counted.text
    shown = play.client(port=play.stage.metrics).get("GET /metrics of the gRPC server", "/metrics")
    families = [line for line in shown.text.splitlines() if line.startswith("# TYPE wallet_")]
    play.log.area.add(
        "The metrics that the gRPC server shows", sorted(one for one in families if "_created" not in one)
    )
