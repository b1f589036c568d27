"""Tests of REST, run again against a process that uses the wallet service, over real sockets."""
# ruff: noqa: F401 - imported so that pytest runs them here

from tests.api.test_history import (
    busy,
    test_following_next_meets_each_entry_once_whatever_arrives_meanwhile,
    test_history_is_cut_by_time,
    test_previous_leads_back_to_what_is_newer,
    test_the_links_keep_the_filters_and_name_no_host,
)
from tests.api.test_idempotency import (
    test_a_key_belongs_to_one_person,
    test_every_operation_that_moves_money_honours_the_key,
    test_what_a_key_did_can_be_looked_up,
)
from tests.api.test_money import (
    test_a_deposit_adds_money_from_outside,
    test_a_withdrawal_takes_money_out,
    test_both_sides_can_read_a_transfer_and_nobody_else_can,
)
from tests.api.test_v2 import (
    test_a_transfer_is_accepted_as_pending_and_posted_behind,
    test_each_item_of_a_bulk_is_judged_on_its_own_and_answered_in_order,
    test_too_little_money_is_known_when_it_settles,
)
from tests.api.test_wallets import (
    test_a_frozen_wallet_shows_that_it_is,
    test_a_wallet_is_opened_in_another_currency,
    test_the_list_holds_ones_own_wallets_oldest_first,
)
