"""Tests of REST, run again against a process that uses the wallet service, over real sockets."""
# ruff: noqa: F401 - imported so that pytest runs them here

from tests.api.test_history import (
    busy,
    test_following_next_returns_each_entry_once_while_new_ones_arrive,
    test_history_is_filtered_by_time,
    test_previous_leads_back_to_newer_entries,
    test_the_links_keep_the_filters_and_contain_no_host,
)
from tests.api.test_idempotency import (
    test_a_key_belongs_to_one_user,
    test_a_transaction_can_be_looked_up_by_its_key,
    test_every_operation_that_moves_money_honours_the_key,
)
from tests.api.test_money import (
    test_a_deposit_adds_money_from_the_outside_world,
    test_a_withdrawal_takes_money_out,
    test_only_the_users_of_both_sides_can_read_a_transfer,
)
from tests.api.test_v2 import (
    test_a_transfer_is_accepted_as_pending_and_posted_later,
    test_a_transfer_without_enough_money_fails_when_it_settles,
    test_each_item_of_a_bulk_request_has_its_own_result_in_order,
)
from tests.api.test_wallets import (
    test_a_frozen_wallet_says_so,
    test_a_wallet_is_opened_in_another_currency,
    test_the_list_has_the_users_wallets_oldest_first,
)
