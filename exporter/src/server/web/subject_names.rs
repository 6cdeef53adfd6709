//! The subject alternative names of a certificate.
//!
//! rustls answers whether a certificate is good for a given host name, with wildcards. The web configuration
//! means something else by `client_allowed_sans`: names of any kind, compared as text. So they are taken from
//! the DER here.

use std::net::{Ipv4Addr, Ipv6Addr};

/// 2.5.29.17.
const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];

const OBJECT_IDENTIFIER: u8 = 0x06;
const OCTET_STRING: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
/// `[3] EXPLICIT`, in a certificate's signed part.
const EXTENSIONS: u8 = 0xa3;
/// `[1] IMPLICIT` and so on, in a list of names.
const EMAIL: u8 = 0x81;
const DNS: u8 = 0x82;
const URI: u8 = 0x86;
const IP: u8 = 0x87;

/// The names for hosts, addresses, mailboxes and URIs as text. `None` when this is no certificate; without
/// the extension there are none.
pub(super) fn subject_names(certificate: &[u8]) -> Option<Vec<String>> {
    let certificate = Elements(certificate).expect(SEQUENCE)?;
    let signed = Elements(certificate).expect(SEQUENCE)?;
    let Some(extensions) = Elements(signed).find_map(|(tag, content)| (tag == EXTENSIONS).then_some(content))
    else {
        return Some(Vec::new());
    };
    let extensions = Elements(Elements(extensions).expect(SEQUENCE)?);
    let names = extensions.filter_map(|(_, extension)| names_of(extension)).flatten();
    Some(names.filter_map(|(tag, content)| text(tag, content)).collect())
}

/// The names in an extension, if it is the one that has them.
fn names_of(extension: &[u8]) -> Option<Elements<'_>> {
    let mut parts = Elements(extension);
    if parts.expect(OBJECT_IDENTIFIER)? != SUBJECT_ALT_NAME {
        return None;
    }
    // Whether it is critical may stand between.
    let (_, value) = parts.find(|(tag, _)| *tag == OCTET_STRING)?;
    Some(Elements(Elements(value).expect(SEQUENCE)?))
}

fn text(tag: u8, content: &[u8]) -> Option<String> {
    match tag {
        EMAIL | DNS | URI => String::from_utf8(content.to_vec()).ok(),
        IP => <[u8; 4]>::try_from(content)
            .map(|bytes| Ipv4Addr::from(bytes).to_string())
            .or_else(|_| {
                <[u8; 16]>::try_from(content).map(|bytes| Ipv6Addr::from(bytes).to_canonical().to_string())
            })
            .ok(),
        _ => None,
    }
}

/// Elements of DER that follow one another, as tag and content; ends at the first that is not whole.
#[derive(Clone, Copy)]
struct Elements<'a>(&'a [u8]);

impl<'a> Elements<'a> {
    /// The content of the next element, which must have this tag.
    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [tag, length, rest @ ..] = self.0 else { return None };
        let (length, rest) = match length {
            0..=0x7f => (usize::from(*length), rest),
            // A length of so many bytes; certificates are never larger.
            0x81..=0x83 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, content))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn certificate(names: Vec<SanType>) -> Vec<u8> {
        let mut params = CertificateParams::new([]).expect("valid");
        params.subject_alt_names = names;
        params.self_signed(&KeyPair::generate().expect("a key")).expect("signed").der().to_vec()
    }

    #[test]
    fn names_of_every_kind() {
        let names = vec![
            SanType::DnsName("a.example".try_into().expect("ASCII")),
            SanType::Rfc822Name("ops@example.org".try_into().expect("ASCII")),
            SanType::URI("spiffe://cluster.local/ns/monitoring".try_into().expect("ASCII")),
            SanType::IpAddress("10.0.0.1".parse().expect("an address")),
            SanType::IpAddress("2001:db8::1".parse().expect("an address")),
        ];
        let expected = [
            "a.example",
            "ops@example.org",
            "spiffe://cluster.local/ns/monitoring",
            "10.0.0.1",
            "2001:db8::1",
        ];
        assert_eq!(subject_names(&certificate(names)).expect("a certificate"), expected);
    }

    #[test]
    fn a_long_list_is_read_to_its_end() {
        let many =
            |count: usize| -> Vec<String> { (0..count).map(|n| format!("host-{n}.example")).collect() };
        for count in [0, 1, 5, 50, 5000] {
            let names = many(count).into_iter().map(|name| SanType::DnsName(name.try_into().expect("ASCII")));
            assert_eq!(subject_names(&certificate(names.collect())), Some(many(count)));
        }
    }

    proptest! {
        #[test]
        fn never_panics(bytes: Vec<u8>) {
            subject_names(&bytes);
        }

        #[test]
        fn damage_adds_no_names(at: prop::sample::Index, byte: u8) {
            let mut bytes = certificate(vec![SanType::DnsName("a.example".try_into().expect("ASCII"))]);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            prop_assert!(subject_names(&bytes).is_none_or(|names| names.len() <= 2));
        }
    }
}
