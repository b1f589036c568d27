"""Probes this container's site: `python deploy/probe.py /readyz` exits with 0 if the answer is 200."""

# Not urllib, which would use the proxy of http_proxy.
import http.client
import sys

connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=8)
connection.request("GET", sys.argv[1])
sys.exit(connection.getresponse().status != http.client.OK)
