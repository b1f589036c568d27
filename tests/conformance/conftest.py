import grpc
import pytest

from tests.conformance.channels import Channel, channels


@pytest.fixture
def every_channel(transactional_db: None, channel: grpc.Channel) -> list[Channel]:
    return channels(channel)
