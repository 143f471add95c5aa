//! The client's Rust interface over real sockets: one suite, run on every runtime, awaited and blocking.

mod caller;
mod happy_eyeballs;
mod https;
mod nginx;

macro_rules! on_every_runtime {
    ($($module:ident: $($test:ident)*;)*) => {
        on_every_runtime! { @on on_async_std, barewire_async_std::AsyncStd; $($module: $($test)*;)* }
        on_every_runtime! { @on on_smol, barewire_smol::Smol::default(); $($module: $($test)*;)* }
        on_every_runtime! { @on on_std, barewire_std::Std::default(); $($module: $($test)*;)* }
    };
    (@on $on:ident, $runtime:expr; $($module:ident: $($test:ident)*;)*) => {
        mod $on {
            $(mod $module {
                on_every_runtime! { @via awaited, Awaited, $runtime; $module: $($test)* }
                on_every_runtime! { @via blocking, Blocking, $runtime; $module: $($test)* }
            })*
        }
    };
    (@via $name:ident, $via:ident, $runtime:expr; $module:ident: $($test:ident)*) => {
        mod $name {
            use crate::caller::Via;
            $(#[test] fn $test() { crate::$module::$test($runtime, Via::$via); })*
        }
    };
}

on_every_runtime! {
    happy_eyeballs:
        silence_brings_the_next_address_after_the_stagger
        a_refusal_brings_the_next_address_at_once
        when_all_refuse_the_error_names_each
        when_all_are_silent_the_timeout_ends_it
        ;
    https:
        options_decide_which_version_is_spoken
        each_name_has_its_certificate
        new_certificates_need_no_restart
        ;
    nginx:
        many_requests_share_a_connection
        a_limit_of_requests_is_followed
        connections_that_idled_out_are_replaced
        a_close_that_crosses_a_request_is_not_noticed
        a_restart_is_not_noticed
        a_reload_is_not_noticed
        ;
}
