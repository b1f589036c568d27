import pytest

from tests.hostile_redis.attacker import Attacker


@pytest.fixture
def attacker(trusted_cache: None) -> Attacker:
    return Attacker()
