"""gRPC beside the wallet's own methods: what the server says of itself, its health, and methods that are not there."""

from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from tests.frozen.cast import Play
from tests.frozen.protos import SERVICE, compiled

REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo"


def play(play: Play) -> None:
    _reflection(play)
    _contract(play)
    _health(play)
    _missing(play)


def _reflection(play: Play) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    listed = [service.name for service in _reflected(play, request).list_services_response.service]
    play.log.area.add("The services that reflection lists", sorted(listed))
    request = reflection_pb2.ServerReflectionRequest(file_containing_symbol=SERVICE)
    packed = _reflected(play, request).file_descriptor_response.file_descriptor_proto
    files = [FileDescriptorProto.FromString(file) for file in packed]
    served = next(file for file in files if file.package == "wallet.v1")
    play.log.area.add("What reflection shows is what proto/ says", [str(_bare(served) == _bare(_compiled()))])


def _reflected(play: Play, request: Any) -> Any:
    stub = play.channel.stream_stream(
        REFLECTION,
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    (answer,) = stub(iter([request]), timeout=30)
    return answer


def _compiled() -> FileDescriptorProto:
    return next(file for file in compiled().file if file.package == "wallet.v1")


def _bare(file: FileDescriptorProto) -> FileDescriptorProto:
    """Without what a compiler adds."""
    bare = FileDescriptorProto()
    bare.CopyFrom(file)
    bare.ClearField("source_code_info")
    for field in (field for message in bare.message_type for field in message.field):
        field.ClearField("json_name")
    return bare


def _contract(play: Play) -> None:
    """The numbers, too: they are what is on the wire."""
    file = _compiled()
    for enum in file.enum_type:
        play.log.area.add(f"enum {enum.name}", [f"{value.number} {value.name}" for value in enum.value])
    for message in file.message_type:
        lines = [f"{one.number} {one.name}: {one.type_name or one.type}, label {one.label}" for one in message.field]
        play.log.area.add(f"message {message.name}", lines)
    (service,) = file.service
    lines = [
        f"{one.name} {one.input_type} -> {'stream ' * one.server_streaming}{one.output_type}" for one in service.method
    ]
    play.log.area.add(f"service {service.name}", lines)


def _health(play: Play) -> None:
    stub = play.channel.unary_unary(
        "/grpc.health.v1.Health/Check",
        request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
        response_deserializer=health_pb2.HealthCheckResponse.FromString,
    )
    for name in ("", SERVICE, "wallet.v1.Nothing"):
        try:
            said = health_pb2.HealthCheckResponse.ServingStatus.Name(
                stub(health_pb2.HealthCheckRequest(service=name), timeout=30).status
            )
        except grpc.RpcError as error:
            said = str(error.code())
        play.log.area.add(f"The health of {name or 'the server'}", [said])


def _missing(play: Play) -> None:
    for path in (f"/{SERVICE}/Nothing", "/wallet.v2.WalletService/GetWallet", "/Nothing/Nothing"):
        stub: grpc.UnaryUnaryMultiCallable[bytes, bytes] = play.channel.unary_unary(path)
        try:
            stub(b"", timeout=30)
        except grpc.RpcError as error:
            play.log.area.add(f"There is no {path}", [str(error.code())])
