"""Probes this container's internal port: `python deploy/probe.py /readyz` exits with 0 if the answer is 200."""

# Not urllib, which would use the proxy of http_proxy.
import http.client
import os
import sys

port = int(os.environ.get("INTERNAL_BIND", "0.0.0.0:9464").rpartition(":")[2])
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=8)
connection.request("GET", sys.argv[1])
sys.exit(connection.getresponse().status != http.client.OK)
