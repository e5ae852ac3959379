//! Addresses on the web.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::is_domain_name;

/// Top-level names of networks that are not the Internet (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`, and names
/// that many private networks use).
const PRIVATE_NAMES: [&str; 11] =
    ["arpa", "corp", "home", "internal", "intranet", "invalid", "lan", "local", "localdomain", "localhost", "private"];

/// An absolute `https` address on a public host, without credentials. Front ends, mail programs and whoever fetches a
/// preview open it, so it must not lead into the network of any of them. Every character is printable ASCII, as in a
/// URI (RFC 3986): a host name in another script has its `xn--` form.
pub fn is_web_address(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://") else { return false };
    // Browsers take a backslash for a slash.
    let is_uri = text.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'\\' | b'"' | b'<' | b'>' | b'`'));
    is_uri && is_public_authority(rest.split(['/', '?', '#']).next().unwrap_or_default())
}

/// A public host, perhaps with a port.
fn is_public_authority(authority: &str) -> bool {
    if let Some(rest) = authority.strip_prefix('[') {
        let Some((ip, port)) = rest.split_once(']') else { return false };
        return ip.parse().is_ok_and(|ip| is_public_v6(&ip))
            && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port));
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    port.is_none_or(is_port) && (host.parse().is_ok_and(|ip| is_public_v4(&ip)) || is_public_name(host))
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

fn is_public_name(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let top = host.rsplit('.').next().unwrap_or_default();
    is_domain_name(&host) && !PRIVATE_NAMES.contains(&top)
}

/// Not one of the blocks that IANA keeps for special purposes (RFC 6890).
fn is_public_v4(ip: &Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (18..20).contains(&b))
        || a >= 224)
}

/// Global unicast (2000::/3), without documentation and the blocks that stand for an IPv4 address (6to4, Teredo).
fn is_public_v6(ip: &Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    (0x2000..0x4000).contains(&a)
        && !(a == 0x2001 && (b < 0x200 || b == 0xDB8))
        && a != 0x2002
        && !(a == 0x3FFF && b < 0x1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_on_a_public_host() {
        for good in [
            "https://cdn.example.com/a.png",
            "https://cdn.example.com",
            "https://CDN.example.com:8443/a%20b.png?w=1&h=2#x",
            "https://8.8.8.8/a.png",
            "https://[2606:4700:4700::1111]:443/",
            "https://xn--bcher-kva.example/a.png",
        ] {
            assert!(is_web_address(good), "{good}");
        }
        for bad in [
            "",
            "https://",
            "https:///a.png",
            "http://cdn.example.com/a.png",
            "HTTPS:/cdn.example.com",
            "javascript:alert(1)",
            "http://localhost:3000/x",
            "https://localhost/a.png",
            "https://LOCALHOST/a.png",
            "https://a.localhost/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://router/",
            "https://cdn.example.com./",
            "https://user@cdn.example.com/",
            "https://user:pass@cdn.example.com/",
            "https://cdn.example.com\\@127.0.0.1/",
            "https://cdn.example.com:port/",
            "https://cdn.example.com:0/",
            "https://cdn.example.com:99999/",
            "https://cdn.exa\u{0}mple.com/",
            "https://cdn.example.com/a\n.png",
            "https://cdn.example.com/a b.png",
            "https://cdn.example.com/\u{202E}gnp.a",
            "https://127.0.0.1/",
            "https://127.1/",
            "https://2130706433/",
            "https://0x7f.0.0.1/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0.0.0.0/",
            "https://10.1.2.3/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data",
            "https://100.64.0.1/",
            "https://198.18.0.1/",
            "https://224.0.0.1/",
            "https://255.255.255.255/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00::1]/",
            "https://[fe80::1]/",
            "https://[2002:7f00:1::]/",
            "https://[::1/",
            "https://[2606:4700:4700::1111]x/",
        ] {
            assert!(!is_web_address(bad), "{bad:?}");
        }
    }
}
