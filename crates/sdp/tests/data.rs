//! Offers and answers of today's browsers, ours, and broken ones.

use plywood_sdp::{
    Address, CandidateKind, CandidateLine, DataDescription, MAX_BYTES, MAX_LINE_BYTES, ParseError, Reason,
    SctpForm, SessionDescription, Setup, TcpType, Transport,
};
use proptest::prelude::*;

const CHROMIUM: &str = "v=0\r\no=- 4283413988990990810 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n\
    a=ice-ufrag:0KZg\r\na=ice-pwd:8Ie4F8/Q9YjX0FEtG3vu0VvU\r\na=ice-options:trickle\r\n\
    a=fingerprint:sha-256 3F:89:00:FF\r\na=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\n\
    a=max-message-size:262144\r\n";

const FIREFOX: &str = "v=0\r\no=mozilla...THIS_IS_SDPARTA-99.0 5099389207604295937 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n\
    a=fingerprint:sha-256 07:07\r\na=group:BUNDLE 0\r\na=ice-options:trickle\r\na=msid-semantic:WMS *\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=sendrecv\r\n\
    a=ice-pwd:480467d7108c7a21bb446780b2266fbd\r\na=ice-ufrag:977a5b5a\r\na=mid:0\r\na=setup:actpass\r\n\
    a=sctp-port:5000\r\na=max-message-size:1073741823\r\n";

/// An offer of ours, as Chromium would write it.
fn ours() -> DataDescription {
    DataDescription {
        session_id: 4_283_413_988_990_990_810,
        ice_ufrag: "0KZg".into(),
        ice_pwd: "8Ie4F8/Q9YjX0FEtG3vu0VvU".into(),
        fingerprints: vec![("sha-256".into(), vec![0x3f, 0x89, 0x00, 0xff])],
        max_message_size: Some(262_144),
        ..DataDescription::default()
    }
}

fn refused(text: &str) -> ParseError {
    DataDescription::parse_offer(text).expect_err("a broken offer")
}

/// The line number of the first line that contains `what`.
fn line_of(text: &str, what: &str) -> usize {
    text.lines().position(|line| line.contains(what)).map_or(0, |index| index + 1)
}

#[test]
fn our_offer_is_chromiums_without_the_lines_about_media() {
    let expected = CHROMIUM.replace("a=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n", "");
    assert_eq!(ours().to_offer(), expected);
    assert_eq!(DataDescription::parse_offer(CHROMIUM), Ok(ours()));
}

#[test]
fn firefox_says_fingerprint_and_options_for_the_whole_session() {
    let offer = DataDescription::parse_offer(FIREFOX).expect("a good offer");
    assert_eq!(offer.fingerprints, [("sha-256".to_owned(), vec![7, 7])]);
    assert_eq!(offer.ice_options, ["trickle"]);
    assert_eq!((offer.ice_ufrag.as_str(), offer.ice_pwd.len()), ("977a5b5a", 32));
    assert_eq!((offer.session_version, offer.max_message_size), (0, Some(1_073_741_823)));
}

#[test]
fn our_answer_to_chromium_differs_from_its_offer_by_the_setup_role_alone() {
    let offer: SessionDescription = CHROMIUM.parse().expect("a good offer");
    let answer = DataDescription { setup: Setup::Active, ..ours() }.to_answer(&offer);
    assert_eq!(answer, ours().to_offer().replace("actpass", "active"));
}

#[test]
fn lines_may_end_in_lf_and_empty_lines_are_skipped() {
    let lf = CHROMIUM.replace("\r\n", "\n");
    assert_eq!(DataDescription::parse_offer(&lf), Ok(ours()));
    let spaced = CHROMIUM.replace("\r\n", "\r\n\r\n");
    assert_eq!(DataDescription::parse_offer(&spaced), Ok(ours()));
}

#[test]
fn an_absent_zero_or_huge_max_message_size_is_told_apart() {
    let with = |value: &str| {
        let text = CHROMIUM.replace("a=max-message-size:262144\r\n", value);
        DataDescription::parse_offer(&text).map(|offer| offer.max_message_size)
    };
    assert_eq!(with(""), Ok(None));
    assert_eq!(with("a=max-message-size:0\r\n"), Ok(Some(0)));
    assert_eq!(with("a=max-message-size:1073741823\r\n"), Ok(Some(1_073_741_823)));
    assert_eq!(with("a=max-message-size:99999999999999999999999\r\n"), Ok(Some(u64::MAX)));
    for bad in ["a=max-message-size:-1\r\n", "a=max-message-size:\r\n", "a=max-message-size:1k\r\n"] {
        let line = line_of(CHROMIUM, "max-message-size");
        let reason = Reason::Attribute("max-message-size");
        assert_eq!(with(bad), Err(ParseError { line, reason }), "{bad}");
    }
}

#[test]
fn each_setup_role_of_an_offer_is_read_and_holdconn_refused() {
    for (word, setup) in [("active", Setup::Active), ("passive", Setup::Passive), ("actpass", Setup::ActPass)]
    {
        let text = CHROMIUM.replace("actpass", word);
        assert_eq!(DataDescription::parse_offer(&text).map(|offer| offer.setup), Ok(setup));
    }
    assert_eq!(refused(&CHROMIUM.replace("actpass", "holdconn")).reason, Reason::Setup(Setup::HoldConn));
    assert_eq!(refused(&CHROMIUM.replace("actpass", "both")).reason, Reason::Attribute("setup"));
    // Without the attribute, RFC 4145 §4 makes the offerer active.
    let without = CHROMIUM.replace("a=setup:actpass\r\n", "");
    assert_eq!(DataDescription::parse_offer(&without).map(|offer| offer.setup), Ok(Setup::Active));
}

#[test]
fn an_answer_must_choose_the_role_that_its_offer_left() {
    let answered = |offer: Setup, answer: Setup| {
        let offer = DataDescription { setup: offer, ..ours() };
        let session: SessionDescription = offer.to_offer().parse().expect("our offer");
        let answer = DataDescription { setup: answer, ..ours() }.to_answer(&session);
        DataDescription::parse_answer(&answer, &offer).map(|answer| answer.setup)
    };
    let error = |setup| Err(ParseError { line: 0, reason: Reason::Setup(setup) });
    assert_eq!(answered(Setup::ActPass, Setup::Active), Ok(Setup::Active));
    assert_eq!(answered(Setup::ActPass, Setup::Passive), Ok(Setup::Passive));
    assert_eq!(answered(Setup::Active, Setup::Passive), Ok(Setup::Passive));
    assert_eq!(answered(Setup::Passive, Setup::Active), Ok(Setup::Active));
    assert_eq!(answered(Setup::Active, Setup::Active), error(Setup::Active));
    assert_eq!(answered(Setup::Passive, Setup::Passive), error(Setup::Passive));
    assert_eq!(answered(Setup::ActPass, Setup::ActPass), error(Setup::ActPass));
    assert_eq!(answered(Setup::ActPass, Setup::HoldConn), error(Setup::HoldConn));
}

#[test]
fn an_answer_that_rejects_renames_or_lacks_the_section_is_refused() {
    let session: SessionDescription = CHROMIUM.parse().expect("a good offer");
    let answer = DataDescription { setup: Setup::Active, ..ours() }.to_answer(&session);
    let refused =
        |answer: &str| DataDescription::parse_answer(answer, &ours()).expect_err("a broken answer").reason;
    assert_eq!(refused(&answer.replace("m=application 9", "m=application 0")), Reason::Rejected);
    assert_eq!(refused(&answer.replace("a=mid:0", "a=mid:1")), Reason::MidMismatch);
    let without = answer.split("m=application").next().unwrap_or_default();
    assert_eq!(refused(without), Reason::MissingSection(0));
}

#[test]
fn what_the_data_section_lacks_is_named() {
    for (line, name) in [
        ("a=ice-ufrag:0KZg\r\n", "ice-ufrag"),
        ("a=ice-pwd:8Ie4F8/Q9YjX0FEtG3vu0VvU\r\n", "ice-pwd"),
        ("a=fingerprint:sha-256 3F:89:00:FF\r\n", "fingerprint"),
    ] {
        let error = refused(&CHROMIUM.replace(line, ""));
        assert_eq!(error, ParseError { line: line_of(CHROMIUM, "m="), reason: Reason::Missing(name) });
    }
    let without = CHROMIUM.replace("webrtc-datachannel", "something-else");
    assert_eq!(refused(&without).reason, Reason::NoDataSection);
}

#[test]
fn malformed_lines_are_named_by_number() {
    for (good, bad, reason) in [
        ("a=ice-ufrag:0KZg", "a=ice-ufrag:0KZ", Reason::Attribute("ice-ufrag")),
        ("a=ice-pwd:8Ie4F8/Q9YjX0FEtG3vu0VvU", "a=ice-pwd:short", Reason::Attribute("ice-pwd")),
        ("sha-256 3F:89:00:FF", "sha-256 3F:8:00:FF", Reason::Attribute("fingerprint")),
        ("sha-256 3F:89:00:FF", "sha-256", Reason::Attribute("fingerprint")),
        ("sha-256 3F:89:00:FF", "sha-256 +F:89", Reason::Attribute("fingerprint")),
        ("a=sctp-port:5000", "a=sctp-port:65536", Reason::Attribute("sctp-port")),
        ("a=sctp-port:5000", "a=sctp-port:0", Reason::Attribute("sctp-port")),
        ("m=application 9 UDP", "m=application 65536 UDP", Reason::Media),
        ("m=application 9 UDP", "m=application -1 UDP", Reason::Media),
        ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "m=application 9", Reason::Media),
        ("s=-", "s", Reason::NotALine),
        ("s=-", "y=-", Reason::UnknownType('y')),
        ("s=-", "s=\0", Reason::ControlCharacter),
        ("s=-", "s=a\rb", Reason::ControlCharacter),
        ("o=- 4283413988990990810 2", "o=- x 2", Reason::Origin),
        ("v=0", "v=1", Reason::Version),
    ] {
        let line = line_of(CHROMIUM, good);
        assert_eq!(refused(&CHROMIUM.replace(good, bad)), ParseError { line, reason }, "{bad}");
    }
}

#[test]
fn a_description_without_one_of_its_first_three_lines_is_refused() {
    for (line, letter) in [("v=0\r\n", 'v'), ("s=-\r\n", 's')] {
        assert_eq!(refused(&CHROMIUM.replace(line, "")).reason, Reason::Expected(letter));
    }
    assert_eq!(refused("").reason, Reason::Expected('v'));
    assert_eq!(refused("v=0\r\n").reason, Reason::Expected('o'));
    let error = refused(&CHROMIUM.replace("actpass", "holdconn"));
    assert_eq!(error.to_string(), "a=setup:holdconn cannot be used here");
    assert_eq!(refused(&CHROMIUM.replace("v=0", "v=1")).to_string(), "line 1: not version 0");
}

#[test]
fn sizes_are_bounded() {
    let long_line = format!("{CHROMIUM}a=x:{}\r\n", "x".repeat(MAX_LINE_BYTES));
    assert_eq!(refused(&long_line).reason, Reason::LineTooLong(MAX_LINE_BYTES + 4));
    assert_eq!(refused(&"a".repeat(MAX_BYTES + 1)).reason, Reason::TooLong(MAX_BYTES + 1));
    let many = format!("{CHROMIUM}{}", "m=audio 9 RTP 0\r\n".repeat(10_000));
    assert_eq!(refused(&many).reason, Reason::TooManyMedia);
    let candidates = format!("{CHROMIUM}{}", "a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n".repeat(4000));
    assert_eq!(DataDescription::parse_offer(&candidates).map(|offer| offer.candidates.len()), Ok(4000));
}

#[test]
fn two_sections_may_not_have_one_name() {
    let twice = format!("{CHROMIUM}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n");
    assert_eq!(refused(&twice), ParseError { line: 19, reason: Reason::DuplicateMid });
}

/// An offer of audio, data and more data, bundled, the data leaning on the audio section.
const MIXED: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a d\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\n\
    a=ice-ufrag:lead\r\na=ice-pwd:8Ie4F8/Q9YjX0FEtG3vu0VvU\r\na=fingerprint:sha-256 01\r\na=setup:actpass\r\n\
    a=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\n\
    m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\na=bundle-only\r\na=mid:d\r\na=sctp-port:5001\r\na=secret:x\r\n\
    m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:e\r\n";

#[test]
fn a_bundled_section_leans_on_the_first_of_its_group() {
    let offer = DataDescription::parse_offer(MIXED).expect("a good offer");
    assert_eq!((offer.section, offer.bundled, offer.mid.as_str()), (1, true, "d"));
    assert_eq!((offer.ice_ufrag.as_str(), offer.setup, offer.sctp_port), ("lead", Setup::ActPass, 5001));
    assert_eq!((offer.fingerprints.len(), offer.candidates.len()), (1, 1));
}

#[test]
fn other_sections_are_rejected_and_unknown_attributes_never_echoed() {
    let session: SessionDescription = MIXED.parse().expect("a good offer");
    let answer = DataDescription { setup: Setup::Active, ..ours() }.to_answer(&session);
    let expected = "v=0\r\no=- 4283413988990990810 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE d\r\n\
        m=audio 0 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:a\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n\
        a=ice-ufrag:0KZg\r\na=ice-pwd:8Ie4F8/Q9YjX0FEtG3vu0VvU\r\na=ice-options:trickle\r\n\
        a=fingerprint:sha-256 3F:89:00:FF\r\na=setup:active\r\na=mid:d\r\na=sctp-port:5000\r\n\
        a=max-message-size:262144\r\n\
        m=application 0 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=inactive\r\na=mid:e\r\n";
    assert_eq!(answer, expected);
}

#[test]
fn without_a_group_in_the_offer_there_is_none_in_the_answer() {
    for offer in [CHROMIUM.replace("a=group:BUNDLE 0\r\n", ""), CHROMIUM.replace("BUNDLE 0", "BUNDLE x")] {
        assert_eq!(DataDescription::parse_offer(&offer).map(|offer| offer.bundled), Ok(false));
        let session: SessionDescription = offer.parse().expect("a good offer");
        assert!(!ours().to_answer(&session).contains("a=group"));
    }
}

#[test]
fn the_old_form_of_the_association_is_read_and_answered_in_kind() {
    let old = CHROMIUM
        .replace("UDP/DTLS/SCTP webrtc-datachannel", "DTLS/SCTP 5001")
        .replace("a=sctp-port:5000", "a=sctpmap:5001 webrtc-datachannel 256");
    let offer = DataDescription::parse_offer(&old).expect("a good offer");
    assert_eq!((offer.form, offer.sctp_port), (SctpForm::Sctpmap, 5001));
    let answer =
        DataDescription { setup: Setup::Active, ..ours() }.to_answer(&old.parse().expect("a good offer"));
    assert!(answer.contains("m=application 9 DTLS/SCTP 5000\r\n"));
    assert!(answer.contains("a=sctpmap:5000 webrtc-datachannel 65535\r\n") && !answer.contains("sctp-port"));
    assert_eq!(
        DataDescription::parse_answer(&answer, &offer).map(|answer| answer.form),
        Ok(SctpForm::Sctpmap)
    );
}

#[test]
fn an_init_chunk_in_the_description_is_read_and_written_and_a_broken_one_ignored() {
    let text = format!("{CHROMIUM}a=sctp-init:AQAAIOFfDs8AUAAA/////4qjbZ7AAAAEgAgACILAQMI=\r\n");
    let init = DataDescription::parse_offer(&text).ok().and_then(|offer| offer.sctp_init).unwrap_or_default();
    assert_eq!((init.len(), init[0], init[3]), (32, 1, 32));
    let ours = DataDescription { sctp_init: Some(init), ..ours() };
    assert!(ours.to_offer().ends_with("a=sctp-init:AQAAIOFfDs8AUAAA/////4qjbZ7AAAAEgAgACILAQMI=\r\n"));
    let broken = format!("{CHROMIUM}a=sctp-init:!!\r\n");
    assert_eq!(DataDescription::parse_offer(&broken).map(|offer| offer.sctp_init), Ok(None));
    // Nothing of it reaches an answer that has none of its own.
    let answer = DataDescription { sctp_init: None, ..ours }.to_answer(&text.parse().expect("a good offer"));
    assert!(!answer.contains("sctp-init"));
}

#[test]
fn an_answer_has_a_tls_id_and_an_init_chunk_only_if_its_offer_has() {
    let ours = DataDescription { tls_id: Some("abc".into()), sctp_init: Some(vec![1]), ..ours() };
    let answer = |offer: &str| ours.to_answer(&offer.parse().expect("a good offer"));
    let plain = answer(CHROMIUM);
    assert!(!plain.contains("tls-id") && !plain.contains("sctp-init"));
    let both = answer(&format!("{CHROMIUM}a=tls-id:xyz\r\na=sctp-init:AQ==\r\n"));
    assert!(both.contains("a=tls-id:abc\r\n") && both.contains("a=sctp-init:AQ==\r\n"));
}

#[test]
fn several_fingerprints_and_unknown_hashes_are_kept_for_dtls_to_choose() {
    let several = CHROMIUM.replace(
        "a=fingerprint:sha-256 3F:89:00:FF\r\n",
        "a=fingerprint:SHA-1 aa:bb\r\na=fingerprint:sha-256 01\r\na=fingerprint:new 02\r\n",
    );
    let offer = DataDescription::parse_offer(&several).expect("a good offer");
    let names: Vec<&str> = offer.fingerprints.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["sha-1", "sha-256", "new"]);
    assert_eq!(offer.fingerprints[0].1, [0xaa, 0xbb]);
}

#[test]
fn a_full_description_shows_its_default_candidate_and_the_end_of_candidates() {
    let candidate = |text| CandidateLine::parse(text).expect("a good candidate");
    let full = DataDescription {
        candidates: vec![
            candidate("candidate:1 1 udp 2113937151 192.0.2.2 46195 typ host"),
            candidate("candidate:2 1 udp 1 238dad7e-f7ee-4f8f-9c88-d4d2edd29b5d.local 4 typ host"),
            candidate("candidate:3 1 udp 5 203.0.113.1 7 typ srflx raddr 192.0.2.2 rport 46195"),
        ],
        end_of_candidates: true,
        ..ours()
    };
    let text = full.to_offer();
    assert!(text.contains("m=application 7 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 203.0.113.1\r\n"));
    assert_eq!(DataDescription::parse_offer(&text), Ok(full));
}

#[test]
fn candidates_of_chromium_and_firefox_are_read() {
    let chromium = CandidateLine::parse(
        "candidate:496292852 1 udp 2113942271 fd00::2 40440 typ host generation 0 ufrag 0KZg network-cost 999",
    )
    .expect("a good candidate");
    assert_eq!(chromium.address, Address::Ip("fd00::2".parse().expect("an address")));
    assert_eq!(chromium.extension("ufrag"), Some("0KZg"));
    assert_eq!(chromium.extension("network-cost"), Some("999"));

    let name = CandidateLine::parse(
        "candidate:0 1 UDP 2122187007 238dad7e-f7ee-4f8f-9c88-d4d2edd29b5d.local 53532 typ host",
    )
    .expect("a good candidate");
    assert!(name.is_mdns() && name.transport == Transport::Udp);

    let tcp = CandidateLine::parse("candidate:2 1 TCP 2105458943 192.0.2.2 9 typ host tcptype active")
        .expect("a good candidate");
    assert_eq!((&tcp.transport, tcp.tcp_type, tcp.port), (&Transport::Tcp, Some(TcpType::Active), 9));
    assert_eq!(tcp.to_string(), "candidate:2 1 tcp 2105458943 192.0.2.2 9 typ host tcptype active");
}

#[test]
fn candidates_with_junk_behind_them_are_kept_and_malformed_ones_named_by_field() {
    let junk =
        CandidateLine::parse("candidate:1 1 quic 1 192.0.2.1 1 typ odd x y z").expect("unknown but legal");
    assert_eq!(
        (&junk.kind, &junk.transport),
        (&CandidateKind::Other("odd".into()), &Transport::Other("quic".into()))
    );
    assert_eq!(junk.extensions, [("x".to_owned(), "y".to_owned()), ("z".to_owned(), String::new())]);
    for (text, field) in [
        ("", "foundation"),
        ("candidate:123456789012345678901234567890123 1 udp 1 192.0.2.1 1 typ host", "foundation"),
        ("candidate:1 0 udp 1 192.0.2.1 1 typ host", "component"),
        ("candidate:1 257 udp 1 192.0.2.1 1 typ host", "component"),
        ("candidate:1 1 udp 4294967296 192.0.2.1 1 typ host", "priority"),
        ("candidate:1 1 udp -1 192.0.2.1 1 typ host", "priority"),
        ("candidate:1 1 udp 1 300.0.2.1 1 typ host", "address"),
        ("candidate:1 1 udp 1 a..b$ 1 typ host", "address"),
        ("candidate:1 1 udp 1 192.0.2.1 65536 typ host", "port"),
        ("candidate:1 1 udp 1 192.0.2.1 1 type host", "typ"),
        ("candidate:1 1 udp 1 192.0.2.1 1 typ", "typ"),
        ("candidate:1 1 udp 1 192.0.2.1 1 typ srflx raddr", "raddr"),
        ("candidate:1 1 udp 1 192.0.2.1 1 typ srflx raddr 192.0.2.1 rport x", "rport"),
        ("candidate:1 1 tcp 1 192.0.2.1 1 typ host tcptype maybe", "tcptype"),
    ] {
        assert_eq!(CandidateLine::parse(text).map_err(|error| error.field), Err(field), "{text}");
    }
    let bad = format!("{CHROMIUM}a=candidate:1 1 udp 1 nowhere! 1 typ host\r\n");
    assert_eq!(refused(&bad).line, 18);
}

/// A valid offer with some of its lines changed, cut, doubled or swapped.
fn mutated() -> impl Strategy<Value = String> {
    let edits = proptest::collection::vec((any::<usize>(), 0..5u8, "[ -~]{0,20}"), 0..6);
    edits.prop_map(|edits| {
        let mut lines: Vec<String> = MIXED.lines().map(str::to_owned).collect();
        for (at, edit, text) in edits {
            let at = at % lines.len();
            let half = lines[at].len() / 2;
            match edit {
                0 => lines[at] = text,
                1 => lines[at].truncate(half),
                2 => lines.insert(at, lines[at].clone()),
                3 => lines[at].push_str(&text),
                _ => lines.swap(at, 0),
            }
        }
        lines.join("\n")
    })
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text: String) {
        let _ = DataDescription::parse_offer(&text);
        let _ = DataDescription::parse_answer(&text, &ours());
        let _ = CandidateLine::parse(&text);
    }

    #[test]
    fn what_is_read_is_written_back(text in mutated()) {
        if let Ok(session) = SessionDescription::parse(&text) {
            prop_assert_eq!(&SessionDescription::parse(&session.to_string()).expect("what we wrote"), &session);
            let answer = ours().to_answer(&session);
            let answer = SessionDescription::parse(&answer).expect("what we wrote");
            prop_assert_eq!(answer.media.len(), session.media.len());
        }
        if let Ok(offer) = DataDescription::parse_offer(&text) {
            let again = DataDescription { section: 0, ..offer };
            prop_assert_eq!(DataDescription::parse_offer(&again.to_offer()), Ok(again));
        }
    }

    #[test]
    fn every_candidate_that_is_read_is_read_back(
        text in "candidate:[a-z0-9+/]{1,4} [1-9] (udp|TCP|x) [0-9]{1,9} (192\\.0\\.2\\.1|::1|a\\.local) [0-9]{1,4} typ (host|relay raddr ::1 rport 9|x)( [a-z]{1,3} [!-~]{1,3}){0,3}",
    ) {
        if let Ok(candidate) = CandidateLine::parse(&text) {
            prop_assert_eq!(CandidateLine::parse(&candidate.to_string()), Ok(candidate));
        }
    }
}
