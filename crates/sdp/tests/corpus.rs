//! Every description of the corpus is read and written back as it was.

use plywood_sdp::{CandidateLine, DataDescription, Reason, SctpForm, SessionDescription, Setup};
use std::{fs, path::Path};

/// All files: (name, text).
fn corpus() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .expect("the corpus")
        .map(|entry| entry.expect("a file").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sdp"))
        .map(|path| {
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
            (name, fs::read_to_string(path).expect("text"))
        })
        .collect();
    files.sort();
    files
}

/// The text with one CRLF after each line that is not empty: what we write.
fn normal(text: &str) -> String {
    text.split('\n')
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .filter(|line| !line.is_empty())
        .flat_map(|line| [line, "\r\n"])
        .collect()
}

/// What breaks a MUST of RFC 8866 §5, and how.
fn expected_error(name: &str) -> Option<Reason> {
    match name {
        "sdp-transform-invalid" => Some(Reason::UnknownType('f')),
        _ => None,
    }
}

#[test]
fn every_description_is_written_back_as_it_was_read() {
    let files = corpus();
    assert_eq!(files.len(), 56);
    for (name, text) in files {
        match SessionDescription::parse(&text) {
            Ok(session) => {
                assert_eq!(session.to_string(), normal(&text), "{name}");
                assert_eq!(SessionDescription::parse(&session.to_string()), Ok(session), "{name}");
            }
            Err(error) => assert_eq!(Some(error.reason.clone()), expected_error(&name), "{name}: {error}"),
        }
    }
}

#[test]
fn every_truncation_is_read_or_refused_and_never_panics() {
    for (_, text) in corpus() {
        for end in (0..text.len()).step_by(7).filter(|end| text.is_char_boundary(*end)) {
            let _ = DataDescription::parse_offer(&text[..end]);
        }
    }
}

#[test]
fn every_candidate_of_the_corpus_is_read_and_read_back() {
    let mut candidates = 0;
    for (name, text) in corpus() {
        for line in text.lines().filter_map(|line| line.strip_prefix("a=candidate:")) {
            let candidate =
                CandidateLine::parse(line).unwrap_or_else(|error| panic!("{name}: {line}: {error}"));
            assert_eq!(CandidateLine::parse(&candidate.to_string()), Ok(candidate), "{name}: {line}");
            candidates += 1;
        }
    }
    assert!(candidates > 100, "{candidates}");
}

fn offer(name: &str) -> DataDescription {
    let text = corpus().into_iter().find(|(found, _)| found == name).expect("in the corpus").1;
    DataDescription::parse_offer(&text).expect(name)
}

#[test]
fn the_data_sections_of_the_corpus_are_understood() {
    let firefox58 = offer("aiortc-test_datachannel_firefox");
    assert_eq!((firefox58.form, firefox58.sctp_port), (SctpForm::Sctpmap, 5000));
    assert_eq!((firefox58.mid.as_str(), firefox58.setup), ("sdparta_0", Setup::ActPass));
    assert_eq!(firefox58.max_message_size, Some(1_073_741_823));
    assert_eq!(firefox58.candidates.len(), 4);
    assert!(firefox58.end_of_candidates);

    let firefox63 = offer("aiortc-test_datachannel_firefox_63");
    assert_eq!((firefox63.form, firefox63.sctp_port), (SctpForm::Current, 5000));

    let chrome = offer("sdp-transform-sctp-dtls-26");
    assert_eq!((chrome.mid.as_str(), chrome.ice_ufrag.as_str()), ("data", "8qF7"));
    assert_eq!(chrome.max_message_size, Some(10_000));

    let bundled = offer("sdp-transform-hacky");
    assert_eq!((bundled.form, bundled.section, bundled.setup), (SctpForm::Sctpmap, 2, Setup::Active));
    assert_eq!((bundled.bundled, bundled.max_message_size), (false, None));
}

#[test]
fn every_offer_of_the_corpus_gets_an_answer_that_rejects_all_but_the_data_section() {
    for (name, text) in corpus() {
        let Ok(session) = SessionDescription::parse(&text) else { continue };
        let ours = DataDescription {
            ice_ufrag: "ufra".into(),
            ice_pwd: "p".repeat(22),
            ..offer("sdp-transform-sctp-dtls-26")
        };
        let data = DataDescription::from_offer(&session).ok();
        let setup = if data.as_ref().is_some_and(|data| data.setup == Setup::Active) {
            Setup::Passive
        } else {
            Setup::Active
        };
        let answer = DataDescription { setup, ..ours }.to_answer(&session);
        let parsed = SessionDescription::parse(&answer).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(parsed.media.len(), session.media.len(), "{name}");
        for (index, media) in parsed.media.iter().enumerate() {
            let is_data = data.as_ref().is_some_and(|data| data.section == index);
            assert_eq!(media.port != 0, is_data, "{name} {index}");
            assert_eq!(
                (&media.kind, &media.protocol),
                (&session.media[index].kind, &session.media[index].protocol)
            );
            assert_eq!(media.mid(), session.media[index].mid(), "{name}");
        }
        if let Some(data) = data {
            assert!(DataDescription::parse_answer(&answer, &data).is_ok(), "{name}");
        }
    }
}
