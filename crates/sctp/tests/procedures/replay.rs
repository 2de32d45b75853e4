//! Same config, same seed, same calls at the same times: the same bytes.

use crate::support::{Net, Path, pattern};
use plywood_sctp::Config;
use std::time::Duration;

fn run() -> Vec<(usize, Vec<u8>)> {
    let path = Path { loss_per_mille: 30, jitter: Duration::from_millis(5), ..Path::default() };
    let mut net = Net::new(9, path, |_| Config::default());
    net.logging = true;
    net.ends[0].connect(net.now);
    net.ends[1].connect(net.now);
    for number in 0..50 {
        net.send((number % 2) as usize, 1, pattern(number, 5000));
    }
    net.run_for(Duration::from_secs(60));
    net.log
}

#[test]
fn equal_inputs_give_equal_packets() {
    assert_eq!(run(), run());
}
