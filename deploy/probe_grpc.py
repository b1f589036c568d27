"""Probes a gRPC server: `python deploy/probe_grpc.py 127.0.0.1:50051` exits with 0 if the server says that it serves.

If GRPC_TLS_CERT is set, the server must present that certificate.
"""

import os
import sys
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

#: Not through the proxy of http_proxy or grpc_proxy, which cannot reach this container's own address.
OPTIONS = [("grpc.enable_http_proxy", 0)]

certificate = os.environ.get("GRPC_TLS_CERT")
target = sys.argv[1]
if certificate:
    credentials = grpc.ssl_channel_credentials(Path(certificate).read_bytes())
    channel = grpc.secure_channel(target, credentials, options=OPTIONS)
else:
    channel = grpc.insecure_channel(target, options=OPTIONS)
try:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=8)
except grpc.RpcError as error:
    sys.exit(f"{target}: {error}")
sys.exit(answer.status != health_pb2.HealthCheckResponse.SERVING)
