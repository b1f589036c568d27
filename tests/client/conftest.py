from collections.abc import Iterator

import pytest
from wallet_client import WalletClient

from tests.conformance.world import Person, World, world_make
from tests.rpc.server import GrpcServer


@pytest.fixture
def world(transactional_db: None) -> World:
    return world_make(0)


@pytest.fixture
def alice(world: World) -> Person:
    return world.alice


@pytest.fixture
def bob(world: World) -> Person:
    return world.bob


@pytest.fixture
def client(alice: Person, grpc_server: GrpcServer) -> Iterator[WalletClient]:
    with WalletClient(grpc_server.target, alice.token, tls=False) as client:
        yield client
