//! A deterministic network in virtual time: hosts, links, NATs, pcap.
