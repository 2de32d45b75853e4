//! PEM text (RFC 7468): labels around base64.

use zeroize::Zeroizing;

/// Damaged text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BadPem;

/// One block, decoded; wiped on drop, for it may be a key.
#[derive(Debug)]
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    pub(super) der: Zeroizing<Vec<u8>>,
}

/// The blocks of a text; what stands between them is commentary.
pub(super) fn blocks(text: &str) -> impl Iterator<Item = Result<Block<'_>, BadPem>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once("-----BEGIN ")?;
        let block = block(after);
        rest = block.as_ref().map_or("", |(_, rest)| rest);
        Some(block.map(|(block, _)| block))
    })
}

fn block(text: &str) -> Result<(Block<'_>, &str), BadPem> {
    let (label, after) = text.split_once("-----").ok_or(BadPem)?;
    let (body, after) = after.split_once("-----END ").ok_or(BadPem)?;
    let rest = after.strip_prefix(label).and_then(|after| after.strip_prefix("-----")).ok_or(BadPem)?;
    Ok((Block { label, der: base64(body).ok_or(BadPem)? }, rest))
}

/// RFC 4648 §4, with white space anywhere and padding only at the end.
fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let digits = text.trim_ascii_end().trim_end_matches('=');
    let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 4 * 3 + 3));
    let (mut buffer, mut bits) = (0_u32, 0_u32);
    for digit in digits.bytes().filter(|byte| !byte.is_ascii_whitespace()) {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        buffer = buffer << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits & 0xff) as u8);
        }
    }
    if bits == 6 { None } else { Some(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_commentary() {
        let text = "hello\n-----BEGIN A-----\r\nAQID\r\n-----END A-----\nx\n-----BEGIN B C-----\nBAU=\n-----END B C-----";
        let found: Vec<_> = blocks(text).map(|block| block.map(|b| (b.label, b.der.to_vec()))).collect();
        assert_eq!(found, [Ok(("A", vec![1, 2, 3])), Ok(("B C", vec![4, 5]))]);
    }

    #[test]
    fn damage_is_an_error_once() {
        for text in [
            "-----BEGIN A-----\nAQ",
            "-----BEGIN A-----\n!!\n-----END A-----",
            "-----BEGIN A-----\n-----END B-----",
        ] {
            let found: Vec<_> = blocks(text).map(|block| block.map(|b| b.label)).collect();
            assert_eq!(found, [Err(BadPem)], "{text}");
        }
    }
}
