//! What AWS gives the functions, in one process: its parts are answered here over SQLite.

pub mod dynamo;
