//! What generating needs of rows beyond what they say of themselves: that their names fit, and what follows from those.

use std::collections::{BTreeMap, BTreeSet};

use contracts::{Row, row::Grant};

use crate::Result;

/// Lambda's bound on a function's name.
const NAME_MAX: usize = 64;
/// `selleasi-<env>-`, with the longest environment name that template.yaml takes.
const PREFIX_LENGTH: usize = "selleasi-".len() + 20 + "-".len();

/// Every function, in the table's order.
pub(crate) fn rows() -> Result<Vec<&'static Row>> {
    let rows = contracts::rows();
    check_names(&rows)?;
    Ok(rows)
}

fn check_names(rows: &[&Row]) -> Result<()> {
    let mut seen = BTreeSet::new();
    for row in rows {
        if !seen.insert(row.function) {
            return Err(format!("{} is in the table twice", row.function));
        }
        if module(row).is_empty() {
            return Err(format!("{}: expected <service>-<verb>", row.function));
        }
        if PREFIX_LENGTH + row.function.len() > NAME_MAX {
            return Err(format!("{}: longer than {} characters", row.function, NAME_MAX - PREFIX_LENGTH));
        }
    }
    Ok(())
}

/// Functions of each service, services by name.
pub(crate) fn by_service(rows: &[&'static Row]) -> BTreeMap<&'static str, Vec<&'static Row>> {
    let mut services: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for row in rows {
        services.entry(row.service()).or_default().push(*row);
    }
    services
}

/// The file in the service's `src`: `orders-on-payment-completed` is in `on_payment_completed.rs`.
pub(crate) fn module(row: &Row) -> String {
    row.function.strip_prefix(row.service()).unwrap_or(row.function).trim_start_matches('-').replace('-', "_")
}

/// One line on what it does: an endpoint's summary, or the first paragraph.
pub(crate) fn summary(row: &Row) -> String {
    if row.route().is_some() {
        return row.doc.lines().next().unwrap_or_default().trim().to_owned();
    }
    let first: Vec<&str> = row.doc.lines().map(str::trim).take_while(|line| !line.is_empty()).collect();
    first.join(" ")
}

/// What else it may use, by its own list or by what calls it.
pub(crate) fn grants(row: &Row) -> impl Iterator<Item = Grant> {
    Grant::ALL.into_iter().filter(|grant| row.has(*grant))
}

/// Whether it leaves alone, for as long as clocks may be apart, what another may be doing: asking for a refund, sending
/// a mail.
pub(crate) fn minds_clocks(row: &Row) -> bool {
    row.queue().is_some() && (row.has(Grant::Paystack) || row.has(Grant::SendEmail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ON_LENT, RELAY, REMIND, UPDATE_BOOK};

    fn refused(function: &'static str) -> String {
        check_names(&[&Row { function, ..RELAY }]).unwrap_err()
    }

    #[test]
    fn a_name_is_one_functions_and_fits_lambda() {
        assert_eq!(check_names(&[&UPDATE_BOOK, &ON_LENT]), Ok(()));
        assert_eq!(check_names(&[&UPDATE_BOOK, &UPDATE_BOOK]).unwrap_err(), "books-update is in the table twice");
        assert_eq!(refused("platform"), "platform: expected <service>-<verb>");
        // `selleasi-`, 20 of the environment and a hyphen leave 34 of Lambda's 64.
        assert_eq!(
            refused("platform-abcdefghijklmnopqrstuvwxyz"),
            "platform-abcdefghijklmnopqrstuvwxyz: longer than 34 characters"
        );
        assert_eq!(check_names(&[&Row { function: "platform-abcdefghijklmnopqrstuvwxy", ..RELAY }]), Ok(()));
    }

    #[test]
    fn a_function_is_in_the_file_of_its_verb() {
        assert_eq!(module(&ON_LENT), "on_lent");
    }

    #[test]
    fn the_first_line_sums_up_an_endpoint_and_the_first_paragraph_all_else() {
        assert_eq!(summary(&UPDATE_BOOK), "Changes a book.");
        assert_eq!(summary(&REMIND), "Reminds of a book that should be back.");
    }
}
