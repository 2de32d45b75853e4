//! Sizes as people write them: `100MiB`, `64k`, `1200`.

/// Parses a number of bytes with an optional unit; powers of 1024, with or without `iB` or `B`.
///
/// # Errors
/// Words for whoever typed it.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 =
        number.parse().map_err(|_| format!("`{text}` does not begin with a number of bytes"))?;
    let unit = unit.trim().to_ascii_lowercase();
    let shift = match unit.trim_end_matches('b').trim_end_matches('i') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => return Err(format!("`{unit}` is no unit: use KiB, MiB or GiB")),
    };
    number.checked_mul(1 << shift).ok_or_else(|| format!("`{text}` is too large"))
}

/// For people: `100 MiB`, `1.5 KiB`, `17 bytes`.
pub(crate) fn display(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    for (shift, unit) in units {
        let whole = bytes >> shift;
        if whole > 0 {
            let tenth = ((bytes & ((1 << shift) - 1)) * 10) >> shift;
            return if tenth == 0 { format!("{whole} {unit}") } else { format!("{whole}.{tenth} {unit}") };
        }
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_powers_of_1024() {
        assert_eq!(parse("100MiB"), Ok(100 << 20));
        assert_eq!(parse("64k"), Ok(64 << 10));
        assert_eq!(parse("2 GB"), Ok(2 << 30));
        assert_eq!(parse("17"), Ok(17));
    }

    #[test]
    fn what_is_no_size_is_refused_in_words() {
        assert!(parse("MiB").unwrap_err().contains("number of bytes"));
        assert!(parse("3 miles").unwrap_err().contains("no unit"));
        assert!(parse("99999999999999999999").is_err());
        assert!(parse("999999999999999999G").unwrap_err().contains("too large"));
    }

    #[test]
    fn sizes_are_shown_with_one_decimal_at_most() {
        assert_eq!(display(100 << 20), "100 MiB");
        assert_eq!(display(1536), "1.5 KiB");
        assert_eq!(display(17), "17 bytes");
    }
}
