"""Tests of pages, run again against a process that uses the wallet service, over real sockets."""
# ruff: noqa: F401 - imported so that pytest runs them here

from tests.pages.test_background_send import (
    test_a_failure_says_why_and_offers_to_try_again_with_the_same_things,
    test_it_is_on_its_way_at_once_and_arrives_behind,
    test_trying_again_is_a_new_transfer,
)
from tests.pages.test_history import (
    test_it_counts_days_in_the_readers_zone_with_the_last_one_included,
    test_it_leads_through_every_page_and_back_and_meets_each_row_once,
    test_it_shows_everything_newest_first_with_the_balance_after,
)
from tests.pages.test_live_dashboard import (
    test_a_look_brings_the_new_balance_and_the_new_movement_and_says_so,
    test_the_page_names_the_state_that_it_shows_and_a_look_finds_nothing_newer,
)
from tests.pages.test_move import (
    test_it_adds_money_and_shows_the_receipt,
    test_it_moves_money_once_when_the_same_form_is_sent_twice,
    test_it_reads_the_amount_in_the_currency_of_the_wallet,
    test_it_says_at_the_amount_that_the_wallet_holds_less,
)
from tests.pages.test_overview import test_it_shows_the_balance_and_what_happened_last
from tests.pages.test_send import (
    test_it_comes_back_to_the_form_when_the_money_has_gone_meanwhile,
    test_it_says_that_the_recipients_wallet_is_frozen,
    test_it_sends_what_was_reviewed_and_shows_the_receipt_to_both,
    test_it_shows_who_gets_what_and_moves_nothing_before_that_is_confirmed,
)
from tests.pages.test_unposted import test_the_sender_sees_it_pending_and_the_receiver_nothing
from tests.pages.test_wallets_and_tokens import test_it_opens_a_wallet_in_another_currency
