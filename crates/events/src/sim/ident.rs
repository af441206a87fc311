//! Event ids: UUIDs of version 7 (RFC 9562), their random part taken from the seed and the event's number.

/// The id of event `number` of a simulation.
pub fn uuid(seed: u64, number: u64, micros: i64) -> String {
    let millis = (micros / 1_000) as u64 & 0xffff_ffff_ffff;
    let mixed = mix(seed ^ mix(number.wrapping_add(0x9e37_79b9_7f4a_7c15)));
    let (high, low) = ((mixed >> 52) as u16, mix(mixed.wrapping_add(number)));
    let bits = u128::from(millis) << 80
        | 0x7 << 76
        | u128::from(high & 0xfff) << 64
        | u128::from(0x8000 | (low >> 50) as u16 & 0x3fff) << 48
        | u128::from(low & 0xffff_ffff_ffff);
    text(bits)
}

/// 32 digits with hyphens in their places; a formatter would take most of an event's time.
fn text(bits: u128) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut out = *b"00000000-0000-0000-0000-000000000000";
    let places = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
    for (byte, place) in bits.to_be_bytes().into_iter().zip(places) {
        out[place] = DIGITS[usize::from(byte >> 4)];
        out[place + 1] = DIGITS[usize::from(byte & 15)];
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014): every bit of the input changes half of the output.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    #[test]
    fn ids_have_the_layout_of_version_7() {
        let id = super::uuid(1, 2, 1_700_000_000_000_000);
        assert_eq!(id.len(), 36);
        assert_eq!(&id[14..15], "7");
        assert!("89ab".contains(&id[19..20]));
        assert_eq!(&id[..13], "018bcfe5-6800");
    }
}
