//! Asks for all features of others' crates that any package of the workspace asks for. Without it, going from the build
//! of all packages to that of one would compile those crates anew, with fewer features, and keep both.
