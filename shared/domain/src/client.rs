//! Clients, as the API sees them: by their IP addresses.

use std::net::{IpAddr, Ipv6Addr};

/// The part of an IPv6 address that is a network's. One client, a household or a machine, has all addresses in it.
const IPV6_NETWORK_BITS: u32 = 64;

/// What a client has to itself: its IPv4 address, or the network of its IPv6 address (`2001:db8:1:2::/64`). Anything else
/// stays as it is.
pub fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let mask = u128::MAX << (u128::BITS - IPV6_NETWORK_BITS);
            format!("{}/{IPV6_NETWORK_BITS}", Ipv6Addr::from_bits(address.to_bits() & mask))
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_an_address_or_a_network() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
            ("2001:DB8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("unknown", "unknown"),
            ("", ""),
        ] {
            assert_eq!(network(address), expected);
        }
    }
}
