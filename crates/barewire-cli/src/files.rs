//! Files of a directory as HTTP resources.
//!
//! [`path`], [`conditional`], [`range`], [`multipart`], [`listing`] and [`answer`] decide and do no I/O;
//! [`root`] opens and [`body`] reads, where they may block; [`site`] puts them together.

mod answer;
mod body;
mod conditional;
mod listing;
mod multipart;
mod path;
mod range;
mod root;
mod site;
mod validators;

pub(crate) use body::FileBody;
pub(crate) use root::RootError;
pub(crate) use site::{Content, Site};
