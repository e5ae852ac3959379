//! The behaviour of DynamoDB that the store relies on, tested on every database that the product and its tests use
//! besides AWS: always on dynoxide, which other tests use, and on the product's own over SQLite, and on MiniStack where it
//! runs. All run the same tests, which expect what AWS documents, so no database can hide a mistake of another.
//! The tests on MiniStack are `#[ignore]`d. `scripts/test` runs them on its stack; to run them by hand:
//! `SELLEASI_AWS_URL=http://127.0.0.1:4566 cargo nextest run -p testing --lib --run-ignored only`.

mod backend;
mod fixtures;
mod in_front;

mod conflicts;
mod counting;
mod limits;
mod listing;
mod mistakes;
mod reading;
mod stock;
mod tokens;
mod transactions;
mod values;
mod writing;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use backend::{Backend, block_on};

/// Runs a test on its own tables, and removes them even if the test panics.
fn hold<F: Future<Output = ()>>(backend: Backend, test: impl FnOnce(Backend) -> F) {
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        block_on(async {
            backend.create_tables().await;
            test(backend.clone()).await;
        });
    }));
    block_on(backend.delete_tables());
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

/// Makes a test for each backend of each function named.
macro_rules! contract {
    ($($module:ident { $($test:ident),+ $(,)? })+) => {
        mod dynoxide {
            $(mod $module {
                $(
                    #[test]
                    fn $test() {
                        super::super::hold(super::super::Backend::dynoxide(), super::super::$module::$test);
                    }
                )+
            })+
        }

        mod sqlite {
            $(mod $module {
                $(
                    #[test]
                    fn $test() {
                        super::super::hold(super::super::Backend::sqlite(), super::super::$module::$test);
                    }
                )+
            })+
        }

        mod local {
            $(mod $module {
                $(
                    #[test]
                    fn $test() {
                        super::super::hold(super::super::Backend::local(), super::super::$module::$test);
                    }
                )+
            })+
        }

        mod ministack {
            $(mod $module {
                $(
                    #[test]
                    #[ignore = "needs MiniStack at SELLEASI_AWS_URL; scripts/test runs it"]
                    fn $test() {
                        super::super::hold(super::super::Backend::ministack(), super::super::$module::$test);
                    }
                )+
            })+
        }
    };
}

contract! {
    writing {
        a_second_create_is_refused_and_told_what_is_there,
        an_update_follows_the_version_it_was_read_at,
        a_stale_update_is_refused_and_told_the_current_value,
        a_delete_at_its_version_removes_and_at_a_stale_one_is_refused,
        a_check_holds_at_its_version_and_changes_nothing,
        a_removal_takes_any_version,
        what_is_not_there_is_refused_with_nothing_found,
        a_live_value_stays_and_an_expired_one_is_replaced,
        an_expired_value_is_still_read,
        an_event_is_stored_as_the_relay_reads_it,
        an_inbox_takes_an_event_once_for_each_consumer,
    }
    transactions {
        all_parts_happen_over_several_tables,
        one_refused_part_leaves_all_the_others_undone,
        a_refusal_names_each_refused_part_and_no_other,
    }
    limits {
        nothing_to_do_is_done,
        a_hundred_parts_fit,
        a_hundred_and_one_parts_are_an_error,
        two_parts_on_one_item_are_an_error,
        an_item_may_be_large_but_not_too_large,
        a_transaction_may_be_large_but_not_too_large,
        an_event_too_large_is_an_error,
    }
    tokens {
        a_transaction_sent_twice_happens_once,
        arithmetic_sent_twice_happens_once,
        arithmetic_sent_by_many_at_once_happens_once,
        a_lost_answer_is_no_second_effect,
        a_token_with_another_transaction_is_an_error,
        a_refused_transaction_does_not_use_up_its_token,
    }
    stock {
        units_are_reserved_while_there_are_enough,
        every_effect_moves_its_numbers,
        what_is_not_there_is_not_moved,
        stock_that_does_not_exist_is_not_made,
        all_lines_or_none,
        many_buyers_at_once_do_not_oversell,
        orders_of_the_same_variants_in_another_order_do_not_block_each_other,
    }
    counting {
        a_plan_counts_up_to_its_limit,
        a_plan_without_limits_only_counts,
        a_plan_that_changed_is_refused,
        nothing_is_counted_below_zero,
        a_cart_is_given_back_once_and_only_if_it_is_still_that_orders,
    }
    conflicts {
        of_rival_updates_one_wins_and_the_others_are_told,
        no_change_is_lost,
        a_conflict_is_tried_again_and_takes_effect_once,
        a_refusal_beside_a_conflict_is_a_refusal,
        conflicts_without_end_are_told_and_change_nothing,
    }
    mistakes {
        a_reserved_word_in_an_expression,
        a_name_or_value_that_is_not_used_or_not_given,
        arithmetic_on_what_is_not_there,
        a_key_that_is_not_one,
        a_number_that_is_too_long,
        a_consistent_read_of_an_index,
        a_position_of_another_list,
        a_table_or_index_that_does_not_exist,
        a_token_that_is_too_long,
    }
    reading {
        what_was_committed_is_read_at_once,
        reads_ask_for_what_is_there_now,
        an_item_of_another_kind_is_an_error,
        a_batch_finds_what_is_there_in_every_table,
        a_batch_of_nothing_finds_nothing,
        a_batch_takes_a_hundred_keys_and_each_only_once,
        what_a_batch_leaves_is_asked_for_again,
    }
    listing {
        a_list_is_in_order_and_holds_only_its_own,
        text_is_ordered_by_its_bytes,
        pages_go_on_where_the_last_one_ended,
        pages_of_an_index_go_on_where_the_last_one_ended,
        pages_go_on_when_the_list_changes_in_between,
        pages_larger_than_one_answer_go_on,
        a_page_of_large_items_fits_a_reply,
        the_outbox_is_read_in_the_order_of_ids,
        an_item_leaves_an_index_list_when_it_changes,
        a_filter_fills_its_pages,
        a_filter_that_finds_little_comes_back_short_and_goes_on,
        a_list_of_nothing_is_empty,
    }
    values {
        whole_numbers_keep_every_digit,
        arithmetic_keeps_every_digit,
        texts_come_back_as_they_were,
        nothing_empty_and_nested_come_back_as_they_were,
        keys_take_any_text,
    }
}
