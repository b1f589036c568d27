"""The switch for events, as the owner of the tables, whose triggers they are."""

from tests.database import acting_as_owner
from transactions.events.switch import settled_events_switch_off, settled_events_switch_on


def events_switch_on() -> bool:
    with acting_as_owner():
        return settled_events_switch_on()


def events_switch_off() -> bool:
    with acting_as_owner():
        return settled_events_switch_off()
