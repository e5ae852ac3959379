//! What operators do with the data besides serving it: a backup, its way back, and a look whether the books are right.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    path::Path,
};

use contracts::table::Table;
use domain::{
    OrderId, TenantId, VariantId,
    audit::{AuditEntry, first_break},
    books::{self, Broken},
    ledger::LedgerEntry,
    order::{Order, OrderStatus},
    payment::Payment,
    reservation::Reservation,
    stock::{Movement, Stock},
};
use embedded::{Database, Durability};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{Failure, database_in, open, settings::prefix};

const SECRETS: &str = "secrets.json";

/// Writes a copy of what is kept into a new directory, also while it is served: the database at one moment, and the
/// secrets.
pub(crate) fn backup(data: &Path, to: &Path) -> Result<(), Failure> {
    if !database_in(data).exists() {
        return Err(format!("there is no database in {}", data.display()).into());
    }
    fs::create_dir(to).map_err(|error| format!("{}: {error}", to.display()))?;
    open(data, Durability::Relaxed)?.copy_to(&database_in(to))?;
    // Copied with its mode: nobody else reads it.
    fs::copy(data.join(SECRETS), to.join(SECRETS))?;
    for file in [database_in(to), to.join(SECRETS)] {
        File::open(file)?.sync_all()?;
    }
    File::open(to)?.sync_all()?;
    Ok(())
}

/// Brings a backup back into a directory that holds no database.
pub(crate) fn restore(from: &Path, data: &Path) -> Result<(), Failure> {
    if database_in(data).exists() {
        return Err(format!("{} holds a database already; move it away first", data.display()).into());
    }
    if !database_in(from).exists() {
        return Err(format!("there is no backup in {}", from.display()).into());
    }
    fs::create_dir_all(data)?;
    fs::copy(from.join(SECRETS), data.join(SECRETS))?;
    // The database last, by a name that it gets when it is whole.
    let half_written = data.join("restored");
    fs::copy(database_in(from), &half_written)?;
    File::open(&half_written)?.sync_all()?;
    fs::rename(half_written, database_in(data))?;
    File::open(data)?.sync_all()?;
    Ok(())
}

/// Tells what of the books is not right, one line each, and how much was looked at. False if anything is not.
pub(crate) fn check(data: &Path) -> Result<bool, Failure> {
    if !database_in(data).exists() {
        return Err(format!("there is no database in {}", data.display()).into());
    }
    // A copy of one moment: tables that are read one after the other while orders are placed do not agree.
    let copy = data.join("checked");
    let _ = fs::remove_file(&copy);
    open(data, Durability::Relaxed)?.copy_to(&copy)?;
    let outcome = Database::open(&copy, &prefix(), Durability::Relaxed)
        .map_err(Failure::from)
        .and_then(|database| Ok((Books::read(&database)?, database.depths(0)?)));
    for end in ["", "-wal", "-shm"] {
        let mut path = copy.clone().into_os_string();
        path.push(end);
        let _ = fs::remove_file(path);
    }
    let (books, depths) = outcome?;
    let waiting: u32 = depths.values().map(|depth| depth.visible + depth.in_flight + depth.delayed).sum();
    let broken = books.broken(waiting == 0);
    for Broken { invariant, detail } in &broken {
        println!("{invariant}  {detail}");
    }
    let (orders, tenants) = (books.orders.len(), books.audit.len());
    let all = if waiting == 0 { "" } else { " (I8 not: there are messages under way)" };
    println!(
        "{} of {orders} orders, {tenants} tenants: I1, I2, I3, I7, I8, I11{all}",
        match broken.len() {
            0 => "nothing is wrong".to_owned(),
            many => format!("{many} things are wrong"),
        }
    );
    Ok(broken.is_empty())
}

/// An item as the store writes it.
#[derive(Deserialize)]
struct Stored<T> {
    data: T,
}

fn decoded<T: DeserializeOwned>(item: Value) -> Result<T, Failure> {
    let item: serde_dynamo::Item = serde_json::from_value(item)?;
    Ok(serde_dynamo::from_item::<_, Stored<T>>(item)?.data)
}

/// What a check reads of a database.
#[derive(Default)]
struct Books {
    orders: BTreeMap<OrderId, Order>,
    payments: Vec<Payment>,
    entries: BTreeMap<OrderId, Vec<(String, LedgerEntry)>>,
    reservations: BTreeMap<OrderId, Reservation>,
    stocks: BTreeMap<VariantId, Stock>,
    movements: Vec<Movement>,
    audit: BTreeMap<TenantId, BTreeMap<u64, AuditEntry>>,
}

impl Books {
    fn read(database: &Database) -> Result<Self, Failure> {
        let mut books = Self::default();
        for table in [Table::Orders, Table::Payments, Table::Inventory, Table::Audit] {
            let mut start = Value::Null;
            loop {
                let mut request = json!({ "TableName": format!("{}{}", prefix(), table.name()) });
                if !start.is_null() {
                    request["ExclusiveStartKey"] = start;
                }
                let answer = database.execute("Scan", request.to_string().as_bytes());
                let mut page: Value = serde_json::from_str(&answer.body)?;
                if answer.status != 200 {
                    return Err(io::Error::other(answer.body).into());
                }
                for item in page["Items"].as_array_mut().into_iter().flatten() {
                    books.take(item.take())?;
                }
                start = page["LastEvaluatedKey"].take();
                if start.is_null() {
                    break;
                }
            }
        }
        Ok(books)
    }

    fn take(&mut self, item: Value) -> Result<(), Failure> {
        match item["kind"]["S"].as_str().unwrap_or_default() {
            "order" => {
                let order: Order = decoded(item)?;
                self.orders.insert(order.id, order);
            }
            "payment" => self.payments.push(decoded(item)?),
            "ledger_entry" => {
                let key = item["sk"]["S"].as_str().unwrap_or_default().to_owned();
                let entry: LedgerEntry = decoded(item)?;
                self.entries.entry(entry.order_id).or_default().push((key, entry));
            }
            "reservation" => {
                let reservation: Reservation = decoded(item)?;
                self.reservations.insert(reservation.order_id, reservation);
            }
            "stock" => {
                let stock: Stock = decoded(item)?;
                self.stocks.insert(stock.variant_id, stock);
            }
            "movement" => self.movements.push(decoded(item)?),
            "audit_entry" => {
                let pk = item["pk"]["S"].as_str().unwrap_or_default();
                let tenant = pk.strip_prefix("T#").and_then(|rest| rest.split('#').next());
                let tenant: TenantId = tenant.unwrap_or_default().parse()?;
                let entry: AuditEntry = decoded(item)?;
                self.audit.entry(tenant).or_default().insert(entry.sequence, entry);
            }
            _ => {}
        }
        Ok(())
    }

    fn broken(&self, is_at_rest: bool) -> Vec<Broken> {
        let mut found = books::stock(self.stocks.values(), &self.movements, self.reservations.values());
        for (order, entries) in &self.entries {
            found.extend(entries.iter().filter_map(|(key, entry)| books::entry(*order, key, entry)));
        }
        found.extend(self.payments.iter().flat_map(books::refunds));
        if is_at_rest {
            for (id, order) in self.orders.iter().filter(|(_, order)| is_final(order)) {
                let entries = self.entries.get(id).into_iter().flatten().map(|(_, entry)| entry);
                found.extend(books::money_of(order, entries));
                found.extend(books::stock_of(order, self.reservations.get(id)));
            }
        }
        for (tenant, entries) in &self.audit {
            if let Some(at) = first_break(entries.values()) {
                found.push(Broken::new("I11", format!("{tenant}: the audit chain breaks at {at}")));
            }
        }
        found
    }
}

fn is_final(order: &Order) -> bool {
    books::is_sold(order) || matches!(order.state.status(), OrderStatus::Cancelled | OrderStatus::Refunded)
}

#[cfg(test)]
mod tests {
    use embedded::queues::NewMessage;

    use super::*;

    fn data(directory: &Path) -> std::path::PathBuf {
        let data = directory.join("data");
        fs::create_dir(&data).unwrap();
        fs::write(data.join(SECRETS), "{}").unwrap();
        let database = open(&data, Durability::Relaxed).unwrap();
        database.send(&[("a".to_owned(), NewMessage::now("one"))], 0).unwrap();
        data
    }

    #[test]
    fn a_backup_comes_back_and_replaces_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let data = data(directory.path());
        let (copy, other) = (directory.path().join("copy"), directory.path().join("other"));
        backup(&data, &copy).unwrap();
        backup(&data, &copy).unwrap_err();
        restore(&copy, &data).unwrap_err();
        restore(&directory.path().join("nothing"), &other).unwrap_err();
        restore(&copy, &other).unwrap();
        assert_eq!(fs::read_to_string(other.join(SECRETS)).unwrap(), "{}");
        let depth = |data: &Path| open(data, Durability::Relaxed).unwrap().depths(0).unwrap();
        assert_eq!(depth(&other), depth(&data));
    }

    #[test]
    fn a_check_names_what_is_wrong_and_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let data = data(directory.path());
        assert!(check(&data).unwrap());
        let stock = json!({
            "pk": { "S": "T#ten_00000000000000000000000001#STOCK#x" }, "sk": { "S": "STOCK" }, "kind": { "S": "stock" },
            "version": { "N": "1" },
            "data": { "M": {
                "product_id": { "S": "prd_00000000000000000000000001" },
                "variant_id": { "S": "var_00000000000000000000000002" },
                "store_id": { "S": "sto_00000000000000000000000003" },
                "on_hand": { "N": "3" }, "reserved": { "N": "4" }, "available": { "N": "3" },
                "reorder_point": { "N": "1" }, "reorder_quantity": { "N": "1" },
                "updated_at": { "S": "2026-01-01T00:00:00Z" },
            } },
        });
        let put = json!({ "TransactItems": [{
            "Put": { "TableName": format!("{}inventory", prefix()), "Item": stock },
        }] });
        let database = open(&data, Durability::Relaxed).unwrap();
        let answer = database.execute("TransactWriteItems", put.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.body);
        let broken = Books::read(&database).unwrap().broken(true);
        let told: Vec<_> = broken.iter().map(|broken| broken.invariant).collect();
        assert_eq!(told, ["I2", "I2", "I3"]);
        assert!(!check(&data).unwrap());
        assert!(!data.join("checked").exists());
    }
}
