//! Products: the catalogue's functions, one file each.

pub mod list;
