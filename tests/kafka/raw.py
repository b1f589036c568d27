"""What confluent-kafka cannot send: its C library, librdkafka, called directly."""

import ctypes

from confluent_kafka import cimpl
from django.conf import settings

_TIMEOUT_MS = 10_000
_PRODUCER, _COPY = 0, 2
_END, _TOPIC, _VALUE, _FLAGS, _HEADER = 0, 1, 4, 7, 9


def publish_with_header(topic: str, value: bytes, *, name: bytes) -> None:
    """A message with a header whose name need not be UTF-8."""
    library = ctypes.CDLL(cimpl.__file__)
    library.rd_kafka_conf_new.restype = library.rd_kafka_new.restype = ctypes.c_void_p
    fault = ctypes.create_string_buffer(512)
    options = ctypes.c_void_p(library.rd_kafka_conf_new())
    servers = settings.KAFKA_BOOTSTRAP_SERVERS.encode()
    assert library.rd_kafka_conf_set(options, b"bootstrap.servers", servers, fault, 512) == 0, fault.value
    producer = ctypes.c_void_p(library.rd_kafka_new(_PRODUCER, options, fault, 512))
    assert producer.value, fault.value
    size, one = ctypes.c_size_t(len(value)), ctypes.c_ssize_t(1)
    sent = library.rd_kafka_producev(
        producer, _TOPIC, topic.encode(), _VALUE, value, size, _HEADER, name, b"1", one, _FLAGS, _COPY, _END
    )
    assert sent == 0
    assert library.rd_kafka_flush(producer, _TIMEOUT_MS) == 0
    library.rd_kafka_destroy(producer)
