//! How the runner and the shim carry datagrams and virtual time over TCP. Integers are big endian.
//!
//! ```text
//!   both ways   'P' length:u32 bytes     one datagram
//!   to shim     'T' ns:u64               so much time passes; answered by 't' before anything else happens
//!   to shim     'E' ns:u64               the next timeout must be exactly then; all ones: there must be none
//!   to shim     'M' mtu:u32              the path changed
//!   to shim     'U' ms:u32               another initial retransmission timeout
//! ```

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, TcpStream};
use std::time::Duration;

/// What the runner says.
#[derive(Debug)]
pub enum Frame {
    Datagram(Vec<u8>),
    TimePasses(Duration),
    /// `None`: no timer may run.
    ExpectTimeout(Option<Duration>),
    Mtu(usize),
    InitialTimeout(Duration),
}

/// No datagram is longer; a length beyond it is a runner that speaks something else.
const MAX_DATAGRAM: usize = 1 << 20;

/// The connection to the runner.
#[derive(Debug)]
pub struct Runner {
    stream: TcpStream,
}

impl Runner {
    /// Connects and says which test this is.
    pub fn connect(port: u16, shim_id: u64, ipv6: bool) -> io::Result<Self> {
        let mut stream = if ipv6 {
            TcpStream::connect((Ipv6Addr::LOCALHOST, port))?
        } else {
            TcpStream::connect((Ipv4Addr::LOCALHOST, port))?
        };
        stream.set_nodelay(true)?;
        stream.write_all(&shim_id.to_le_bytes())?;
        Ok(Self { stream })
    }

    /// The next frame; `None` at the end.
    pub fn receive(&mut self) -> io::Result<Option<Frame>> {
        let mut opcode = [0];
        match self.stream.read_exact(&mut opcode) {
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                return Ok(None);
            }
            result => result?,
        }
        let frame = match opcode[0] {
            b'P' => {
                let length = self.u32()? as usize;
                if length > MAX_DATAGRAM {
                    return Err(io::Error::new(ErrorKind::InvalidData, "a datagram of over a megabyte"));
                }
                let mut datagram = vec![0; length];
                self.stream.read_exact(&mut datagram)?;
                Frame::Datagram(datagram)
            }
            b'T' => Frame::TimePasses(Duration::from_nanos(self.u64()?)),
            b'E' => match self.u64()? {
                u64::MAX => Frame::ExpectTimeout(None),
                nanoseconds => Frame::ExpectTimeout(Some(Duration::from_nanos(nanoseconds))),
            },
            b'M' => Frame::Mtu(self.u32()? as usize),
            b'U' => Frame::InitialTimeout(Duration::from_millis(u64::from(self.u32()?))),
            _ => return Err(io::Error::new(ErrorKind::InvalidData, "an unknown opcode")),
        };
        Ok(Some(frame))
    }

    /// Sends a datagram.
    pub fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let length = u32::try_from(datagram.len()).map_err(|_| ErrorKind::InvalidInput)?;
        let mut frame = Vec::with_capacity(5 + datagram.len());
        frame.push(b'P');
        frame.extend_from_slice(&length.to_be_bytes());
        frame.extend_from_slice(datagram);
        self.stream.write_all(&frame)
    }

    /// Says that the clock was moved.
    pub fn acknowledge_time(&mut self) -> io::Result<()> {
        self.stream.write_all(b"t")
    }

    /// Lets the runner read all that was sent: a socket that is dropped with unread bytes takes it back.
    pub fn finish(mut self) {
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = self.stream.set_read_timeout(Some(Duration::from_secs(2)));
        let mut rest = [0; 4096];
        while matches!(self.stream.read(&mut rest), Ok(read) if read > 0) {}
    }

    fn u32(&mut self) -> io::Result<u32> {
        let mut bytes = [0; 4];
        self.stream.read_exact(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }

    fn u64(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.stream.read_exact(&mut bytes)?;
        Ok(u64::from_be_bytes(bytes))
    }
}
