use super::*;
use crate::provider::{Aead, Provider};

fn pair(aead: Aead) -> (Records, Records) {
    let provider = crate::provider::rustcrypto();
    let protection = |provider: &dyn Provider| {
        let iv = [3; 12];
        let iv = &iv[..crate::prf::fixed_iv_length(aead)];
        Protection::dtls12(provider, aead, &[7; 32][..aead.key_length()], iv).unwrap()
    };
    let (mut writer, mut reader) = (Records::new(), Records::new());
    writer.version = ProtocolVersion::DTLS_1_2;
    writer.add_write_epoch(1, protection(&*provider));
    reader.add_read_epoch(1, protection(&*provider));
    (writer, reader)
}

fn seal(records: &mut Records, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mark = records.begin(1, &mut out).unwrap();
    out.put_slice(payload);
    records.finish(&mut out, mark, ContentType::APPLICATION_DATA).unwrap();
    out
}

fn reason(result: Result<OpenedRecord, Unopened>) -> Discard {
    match result.unwrap_err() {
        Unopened::Discarded(discarded) => discarded.reason,
        Unopened::Early { .. } => panic!("early"),
    }
}

const ALL: [Aead; 3] = [Aead::Aes128Gcm, Aead::Aes256Gcm, Aead::ChaCha20Poly1305];

#[test]
fn what_is_sealed_is_opened_in_place_and_once() {
    for aead in ALL {
        let (mut writer, mut reader) = pair(aead);
        for payload in [&b""[..], b"ply", &[9; 1200]] {
            let sealed = seal(&mut writer, payload);
            assert_eq!(sealed.len(), payload.len() + writer.overhead(1));
            let mut datagram = sealed.clone();
            let opened = reader.open(&mut datagram, 0).unwrap();
            assert_eq!(&datagram[opened.plaintext], payload);
            assert_eq!(opened.next, sealed.len());
            assert_eq!(reason(reader.open(&mut sealed.clone(), 0)), Discard::Replayed);
        }
    }
}

#[test]
fn the_nonce_of_a_gcm_record_is_its_number() {
    let (mut writer, _) = pair(Aead::Aes128Gcm);
    seal(&mut writer, b"first");
    let second = seal(&mut writer, b"second");
    // The explicit nonce repeats epoch and sequence number of the header.
    assert_eq!(second[3..11], second[13..21]);
    assert_eq!(second[13..21], [0, 1, 0, 0, 0, 0, 0, 1]);
}

#[test]
fn every_flipped_bit_is_noticed_and_moves_no_window() {
    for aead in ALL {
        let (mut writer, mut reader) = pair(aead);
        let sealed = seal(&mut writer, b"payload");
        for bit in 0..sealed.len() * 8 {
            let mut forged = sealed.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            // Where it looks like plaintext of epoch 0 it is opened as such, and the connection drops it.
            let opened = reader.open(&mut forged, 0);
            assert!(opened.is_err() || opened.is_ok_and(|record| record.number.epoch == 0), "bit {bit}");
        }
        assert!(reader.open(&mut sealed.clone(), 0).is_ok());
    }
}

#[test]
fn a_forged_number_far_ahead_does_not_push_honest_records_out_of_the_window() {
    let (mut writer, mut reader) = pair(Aead::Aes128Gcm);
    let sealed = seal(&mut writer, b"payload");
    let mut forged = sealed.clone();
    forged[5..11].copy_from_slice(&[0xff; 6]);
    assert_eq!(reason(reader.open(&mut forged, 0)), Discard::NotAuthentic);
    assert!(reader.open(&mut sealed.clone(), 0).is_ok());
}

#[test]
fn a_bad_record_does_not_take_its_neighbours_with_it() {
    let (mut writer, mut reader) = pair(Aead::Aes128Gcm);
    let mut datagram = seal(&mut writer, b"first");
    datagram[30] ^= 1;
    let at = datagram.len();
    datagram.extend(seal(&mut writer, b"second"));
    let Err(Unopened::Discarded(discarded)) = reader.open(&mut datagram, 0) else { panic!() };
    assert_eq!(discarded.next, at);
    let opened = reader.open(&mut datagram, discarded.next).unwrap();
    assert_eq!(&datagram[opened.plaintext], b"second");
}

#[test]
fn numbers_end_at_two_to_the_48_and_never_wrap() {
    let (mut writer, mut reader) = pair(Aead::Aes128Gcm);
    writer.skip_to(LAST_SEQUENCE);
    let last = seal(&mut writer, b"last");
    assert_eq!(last[5..11], [0xff; 6]);
    assert!(reader.open(&mut last.clone(), 0).is_ok());
    let mut out = Vec::new();
    assert_eq!(writer.begin(1, &mut out), Err(SealError::NumbersExhausted));
    assert!(out.is_empty());
}

#[test]
fn a_record_given_up_uses_no_number() {
    let (mut writer, _) = pair(Aead::Aes128Gcm);
    let mut out = Vec::new();
    let mark = writer.begin(1, &mut out).unwrap();
    out.truncate(mark.start());
    assert!(out.is_empty());
    assert_eq!(seal(&mut writer, b"x")[5..11], [0; 6]);
}

#[test]
fn more_than_2_to_the_14_bytes_are_not_sealed() {
    let (mut writer, _) = pair(Aead::Aes128Gcm);
    let mut out = Vec::new();
    let mark = writer.begin(1, &mut out).unwrap();
    out.resize(mark.payload() + MAX_PLAINTEXT + 1, 0);
    let result = writer.finish(&mut out, mark, ContentType::APPLICATION_DATA);
    assert_eq!(result, Err(SealError::TooLong { length: MAX_PLAINTEXT + 1 }));
}

#[test]
fn lengths_that_lie_drop_the_rest_of_the_datagram() {
    let (mut writer, mut reader) = pair(Aead::Aes128Gcm);
    let sealed = seal(&mut writer, b"payload");
    for end in 0..sealed.len() {
        assert_eq!(reason(reader.open(&mut sealed[..end].to_vec(), 0)), Discard::Truncated, "{end}");
    }
    assert_eq!(reason(reader.open(&mut [0x2f, 0, 0, 0], 0)), Discard::Truncated);
    assert_eq!(reason(reader.open(&mut [0x4f, 0, 0, 0], 0)), Discard::UnknownContentType);
}

#[test]
fn the_next_epoch_is_early_and_later_ones_unknown() {
    let mut reader = Records::new();
    let record = |epoch| [22, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 0, 0, 1, 9];
    assert_eq!(reader.open(&mut record(1), 0), Err(Unopened::Early { next: 14 }));
    assert_eq!(reason(reader.open(&mut record(2), 0)), Discard::UnknownEpoch);
    assert!(reader.open(&mut record(0), 0).is_ok());
    reader.drop_read_epochs_before(1);
    assert_eq!(reason(reader.open(&mut record(0), 0)), Discard::UnknownEpoch);
}

#[test]
fn a_record_of_1_2_with_an_id_is_sealed_as_rfc_9146_says() {
    for aead in ALL {
        let (mut writer, mut reader) = pair(aead);
        let id = ConnectionId::new(&[0xc1, 0xd2, 0xe3]).unwrap();
        writer.send_with(id.clone());
        reader.receive_with(id);
        seal(&mut writer, b"first");
        let record = seal(&mut writer, b"ply");
        assert_eq!(record.len(), 3 + writer.overhead(1));
        // Type, version, epoch, number, id, length: then what only the keys give.
        let prefix = if aead == Aead::ChaCha20Poly1305 { 0 } else { 8 };
        let length = u8::try_from(prefix + 3 + 1 + 16).unwrap();
        let header = [25, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, 0xc1, 0xd2, 0xe3, 0, length];
        assert_eq!(record[..16], header);
        let additional_data = [
            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, // where other records have their number
            25, 3, 25, // tls12_cid, bytes of the id, tls12_cid again
            0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 0, 1, // version, epoch, number
            0xc1, 0xd2, 0xe3, // the id
            0, 4, // payload and real type
        ];
        let mut nonce = [0; 12];
        nonce[..12 - prefix].fill(3);
        if prefix > 0 {
            nonce[4..].copy_from_slice(&record[16..24]);
        } else {
            nonce[5] ^= 1; // epoch 1
            nonce[11] ^= 1; // number 1
        }
        let key = crate::provider::rustcrypto().aead(aead, &[7; 32][..aead.key_length()]).unwrap();
        let mut sealed = record[16 + prefix..].to_vec();
        let opened = key.open_in_place(&nonce, &additional_data, &mut sealed).unwrap();
        assert_eq!(sealed[..opened], [b'p', b'l', b'y', 23]);

        let mut datagram = record;
        let opened = reader.open(&mut datagram, 0).unwrap();
        assert_eq!(opened.content_type, ContentType::APPLICATION_DATA);
        assert_eq!(&datagram[opened.plaintext], b"ply");
    }
}

#[test]
fn padding_behind_the_real_type_is_taken_off_and_padding_alone_is_dropped() {
    let (mut writer, mut reader) = pair(Aead::Aes128Gcm);
    let id = ConnectionId::new(&[1]).unwrap();
    writer.send_with(id.clone());
    reader.receive_with(id);
    // The type that `finish` appends becomes a zero: what stands before it is type and padding.
    for (inner, expected) in
        [(&[7, 8, 23, 0, 0][..], Some(&[7, 8][..])), (&[23, 0], Some(&[])), (&[0, 0], None)]
    {
        let mut out = Vec::new();
        let mark = writer.begin(1, &mut out).unwrap();
        out.put_slice(inner);
        writer.finish(&mut out, mark, ContentType(0)).unwrap();
        match (reader.open(&mut out, 0), expected) {
            (Ok(opened), Some(expected)) => assert_eq!(&out[opened.plaintext], expected),
            (Err(unopened), None) => assert_eq!(reason(Err(unopened)), Discard::UnknownContentType),
            (result, _) => panic!("{result:?}"),
        }
    }
}

#[test]
fn an_id_is_no_part_of_what_is_sealed_under_epoch_0() {
    let mut writer = Records::new();
    writer.send_with(ConnectionId::new(&[1]).unwrap());
    writer.limit_plaintext(64, 64);
    let mut out = Vec::new();
    let mark = writer.begin(0, &mut out).unwrap();
    out.put_slice(&[5; 500]);
    writer.finish(&mut out, mark, ContentType::HANDSHAKE).unwrap();
    assert_eq!((out[0], out.len()), (22, 513), "neither an id nor the limit of protected records");
}
