"""How settlement learns that there is work. `channel()` is the only reader of the setting TRANSFER_CHANNEL.

The jobs are in Postgres with every channel. A channel only says "look at this source wallet", after the commit. If a
message is late, duplicated, reordered or forged, the look settles what is due or finds nothing due; no message moves
money. If a message is lost, a poll finds the job: workers and consumers also poll the job table
(`transactions.settlement.poll`).
"""

from functools import cache

from django.conf import settings
from django.utils.module_loading import import_string

from transactions.channels.base import Channel

#: The channels by the value of TRANSFER_CHANNEL. "postgres" is the old name of "celery".
CHANNELS = {
    "celery": "transactions.channels.celery.channel.CeleryChannel",
    "postgres": "transactions.channels.celery.channel.CeleryChannel",
    "kafka": "transactions.channels.kafka.channel.KafkaChannel",
}


def channel() -> Channel:
    """The channel of this process."""
    return _channel(settings.TRANSFER_CHANNEL)


@cache
def _channel(name: str) -> Channel:
    chosen: Channel = import_string(CHANNELS[name])()
    return chosen
