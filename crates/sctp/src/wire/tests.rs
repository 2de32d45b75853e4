use super::data::{Data, DataFlags};
use super::*;

#[test]
fn a_data_chunk_is_laid_out_as_in_the_diagram() {
    let data = Data { flags: DataFlags(3), tsn: 0x0102_0304, stream: 5, ssn: 6, ppid: 51, payload: b"hello" };
    let mut out = Vec::new();
    data.encode(&mut out);
    #[rustfmt::skip]
    let expected = [
        0x00, 0x03, 0x00, 0x15,  // DATA, B and E, 16 + 5 bytes
        0x01, 0x02, 0x03, 0x04,  // TSN
        0x00, 0x05, 0x00, 0x06,  // stream, SSN
        0x00, 0x00, 0x00, 0x33,  // PPID 51
        b'h', b'e', b'l', b'l', b'o', 0, 0, 0, // padded
    ];
    assert_eq!(out, expected);
    let chunk = Chunks::new(&out).next().unwrap();
    assert_eq!(Data::parse(&chunk), Ok(data));
}
