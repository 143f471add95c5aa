//! HTTP over real sockets: one suite, run on every runtime.
//!
//! Each test is a function over a runtime; its name ends up as `on_smol::keep_alive::bodies_are_skipped`.
//! The server is ours, in this process; the client is written by hand on sockets of the standard library.
//! Tests wait for events, never for time to pass: handlers stop at a [`Gate`](harness::Gate), and a
//! [`Meter`](meter::Meter) tells what the server has read and written.

mod access_log;
mod cancellation;
mod connections;
mod crews;
mod cuts;
mod half_close;
mod harness;
mod https;
mod keep_alive;
mod large_bodies;
mod limits;
mod many;
mod messages;
mod meter;
mod panics;
mod pattern;
mod pipelining;
mod reluctant;
mod resets;
mod shared_driver;
mod shutdown;
mod shutdown_deadline;
mod stream_bodies;
mod stream_ends;
mod streams;
mod timeouts;
mod upgrades;
mod wire;

macro_rules! on_every_runtime {
    ($($module:ident: $($test:ident)*;)*) => {
        on_every_runtime! { @on on_async_std, barewire_async_std::AsyncStd; $($module: $($test)*;)* }
        on_every_runtime! { @on on_smol, barewire_smol::Smol::default(); $($module: $($test)*;)* }
        on_every_runtime! {
            @on on_smol_with_one_thread, barewire_smol::Smol::with_threads(1).unwrap();
            $($module: $($test)*;)*
        }
        on_every_runtime! { @on on_std, barewire_std::Std::default(); $($module: $($test)*;)* }
    };
    (@on $on:ident, $runtime:expr; $($module:ident: $($test:ident)*;)*) => {
        mod $on {
            $(on_every_runtime! { @module $runtime; $module: $($test)* })*
        }
    };
    (@module $runtime:expr; $module:ident: $($test:ident)*) => {
        mod $module {
            $(#[test] fn $test() { crate::$module::$test($runtime); })*
        }
    };
}

on_every_runtime! {
    keep_alive:
        a_connection_carries_many_requests
        bodies_nobody_wanted_are_skipped
        too_much_that_nobody_wanted_ends_the_connection
        the_client_ends_it_by_saying_close
        http_1_0_keeps_it_only_when_asked
        ;
    pipelining:
        many_answers_leave_in_one_write
        answers_come_in_the_order_of_the_requests
        each_body_stays_with_its_request
        ;
    half_close:
        an_answer_follows_the_end_of_the_request
        every_pipelined_request_is_answered
        a_download_goes_on
        an_unfinished_request_is_refused
        ;
    large_bodies:
        downloads_are_made_as_they_are_read
        uploads_are_read_as_they_are_taken
        echoes_go_both_ways_at_once
        ;
    resets:
        within_a_head
        within_a_body
        while_the_body_is_left_unread
        while_the_handler_runs
        while_the_handler_of_the_last_request_runs
        within_a_response
        between_requests
        before_anything
        ;
    timeouts:
        a_head_that_does_not_end_gets_408
        a_connection_that_says_nothing_is_closed
        an_idle_connection_is_closed
        a_body_that_does_not_end_gets_408
        who_reads_nothing_is_cut
        a_server_may_take_longer_than_any_client
        a_refused_client_cannot_stay
        ;
    limits:
        heads_are_refused_by_status
        bodies_are_refused_by_status
        what_comes_before_a_refusal_is_answered
        a_refusal_reaches_a_client_that_sends_on
        ;
    messages:
        continue_is_sent_when_the_body_is_read
        continue_is_not_sent_before
        trailers_go_both_ways
        head_is_answered_without_a_body
        some_statuses_have_no_body
        a_body_of_another_length_than_declared_is_cut
        a_head_that_contradicts_its_body_becomes_500
        a_stream_may_declare_its_length_in_the_head
        an_old_client_reads_a_stream_to_the_end_of_the_connection
        ;
    panics:
        in_a_handler_is_500
        before_the_future_is_500
        in_a_body_cuts_the_connection
        with_a_payload_that_panics_are_500
        in_destructors_end_their_own_stream
        in_destructors_end_their_own_connection
        ;
    many:
        each_is_answered
        ;
    connections:
        further_ones_wait_for_a_free_place
        come_through_a_unix_socket
        tell_who_the_client_is
        are_spread_over_servers_that_share_a_port
        cannot_be_had_where_somebody_listens
        come_after_what_passes
        ;
    shutdown:
        handlers_finish
        nobody_is_accepted_any_more
        idle_connections_are_closed_at_once
        connections_that_said_nothing_are_closed
        a_request_that_has_begun_is_served
        a_request_that_begins_meanwhile_is_served_or_closed
        a_request_that_was_accepted_and_not_read_is_served
        what_is_pipelined_is_answered_or_told
        uploads_finish
        downloads_finish
        echoes_finish
        it_may_come_before_serving
        dropping_serve_only_stops_accepting
        ;
    shutdown_deadline:
        a_handler
        a_head
        an_upload
        a_download_that_waits
        a_download_that_nobody_reads
        everything_at_once
        bodies_that_are_elsewhere
        ;
    cancellation:
        of_a_servers_driver_loses_nothing
        of_a_flush_sends_nothing_twice
        of_a_clients_driver_loses_nothing
        of_reading_a_body_loses_nothing
        of_sending_into_a_channel_sends_whole_parts_or_none
        of_accepting_loses_no_connection
        of_connecting_leaves_no_connection_behind
        of_connecting_to_a_path_leaves_no_connection_behind
        of_receiving_loses_no_datagram
        of_waiting_changes_nothing
        of_a_request_leaves_the_client_as_it_was
        ;
    access_log:
        has_a_line_for_each_request
        says_why_a_request_was_refused
        ;
    streams:
        share_a_port_with_http_1
        are_not_held_up_by_a_slow_handler
        are_not_held_up_by_a_handler_that_blocks
        are_not_held_up_by_a_slow_reader
        that_are_reset_drop_their_handler
        end_with_their_connection
        may_be_a_thousand
        tell_who_the_client_is
        ;
    stream_bodies:
        are_taken_as_they_are_read
        are_echoed_while_they_come
        in_small_pieces_cost_what_they_carry
        are_read_by_handlers_that_block
        have_trailers_both_ways
        are_not_sent_where_there_is_none
        are_continued_when_they_are_read
        that_nobody_wants_are_stopped
        that_break_off_reset_the_stream
        that_panics_come_before_are_500
        may_be_read_where_a_response_is_dropped
        ;
    stream_ends:
        a_shutdown_lets_streams_finish
        a_shutdown_closes_idle_connections
        a_deadline_cuts_streams
        a_violation_ends_all_streams
        a_preface_that_does_not_end_is_cut
        ;
    upgrades:
        answer_on_stream_1
        are_read_byte_by_byte
        take_the_settings_of_the_offer
        come_with_any_request_that_has_no_body
        are_ignored_unless_they_are_wanted
        are_ignored_where_http_1_alone_is_spoken
        are_ignored_unless_they_are_as_they_should_be
        that_are_not_followed_up_end_the_connection
        are_finished_by_a_shutdown
        ;
    https:
        picks_the_version_by_alpn
        names_its_protocols_by_itself
        does_not_take_a_truncated_body_for_whole
        ends_with_a_shutdown
        refuses_clear_text
        takes_no_offer_of_clear_text
        takes_new_certificates_without_a_restart
        ;
}

// Where handlers may block their thread.
on_every_runtime! {
    @on on_threads, barewire_std::Std::default();
    crews:
        send_what_a_thread_says_that_does_not_lead
        have_no_more_threads_than_their_server
        need_no_more_than_one_thread
        need_no_thread_that_the_system_does_not_have
        are_read_while_requests_wait_their_turn
        get_the_thread_that_another_one_gives_back
        answer_everything_with_few_threads
        send_clients_elsewhere_when_nobody_can_read
        send_clients_elsewhere_when_the_system_has_no_thread
        ;
}
