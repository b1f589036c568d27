"""Tests of pages, run again against a process that uses the wallet service, over real sockets."""
# ruff: noqa: F401 - imported so that pytest runs them here

from tests.pages.test_background_send import (
    test_a_failed_transfer_says_why_and_offers_to_try_again_with_the_same_values,
    test_it_is_pending_at_once_and_posted_later,
    test_trying_again_is_a_new_transfer,
)
from tests.pages.test_history import (
    test_it_filters_by_days_of_the_users_time_zone_including_the_last,
    test_it_shows_everything_newest_first_with_the_balance_after,
    test_its_links_lead_through_all_pages_and_back_with_each_row_once,
)
from tests.pages.test_live_dashboard import (
    test_a_poll_returns_the_new_balance_and_the_new_transaction,
    test_the_page_names_its_state_and_a_poll_finds_nothing_newer,
)
from tests.pages.test_move import (
    test_it_adds_money_and_shows_the_receipt,
    test_it_moves_money_once_if_the_same_form_is_submitted_twice,
    test_it_reads_the_amount_in_the_currency_of_the_wallet,
    test_it_shows_insufficient_funds_at_the_amount,
)
from tests.pages.test_overview import test_it_shows_the_balance_and_the_latest_transactions
from tests.pages.test_send import (
    test_it_returns_to_the_form_if_the_money_is_gone_by_then,
    test_it_sends_what_was_reviewed_and_shows_the_receipt_to_both_users,
    test_it_shows_the_review_and_moves_nothing_before_it_is_confirmed,
    test_only_sending_says_that_the_recipient_cannot_receive_and_not_why,
    test_the_review_of_a_transfer_to_an_email_shows_the_display_name_and_no_username,
    test_the_review_says_that_a_payment_is_the_first_one_to_this_person,
)
from tests.pages.test_tokens import (
    test_all_tokens_are_revoked_at_once,
    test_it_creates_a_token_with_limits,
    test_only_the_tokens_in_question_are_revoked,
    test_the_page_shows_what_is_spent_today,
)
from tests.pages.test_unposted import test_the_sender_sees_a_pending_transfer_and_the_recipient_does_not
from tests.pages.test_wallets_and_tokens import test_it_opens_a_wallet_in_another_currency
