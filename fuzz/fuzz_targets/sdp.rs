//! Any text as a description, an offer, an answer and a candidate: what is read is written back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use plywood_sdp::{CandidateLine, DataDescription, SessionDescription};

fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(session) = SessionDescription::parse(text) {
        assert_eq!(SessionDescription::parse(&session.to_string()).as_ref(), Ok(&session));
        let answer = DataDescription::default().to_answer(&session);
        let answer = SessionDescription::parse(&answer).expect("an answer of ours");
        assert_eq!(answer.media.len(), session.media.len());
    }
    if let Ok(offer) = DataDescription::parse_offer(text) {
        let offer = DataDescription { section: 0, ..offer };
        assert_eq!(DataDescription::parse_offer(&offer.to_offer()).as_ref(), Ok(&offer));
        let _ = DataDescription::parse_answer(text, &offer);
    }
    if let Ok(candidate) = CandidateLine::parse(text) {
        assert_eq!(CandidateLine::parse(&candidate.to_string()), Ok(candidate));
    }
}

fuzz_target!(|bytes: &[u8]| run(bytes));
