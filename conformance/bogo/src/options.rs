//! The flags of a test. What is not listed here is a feature that we do not have: exit code 89.

use std::time::Duration;

/// A certificate and a key, and how it may sign.
#[derive(Debug, Default, Clone)]
pub struct Credential {
    pub certificate_file: Option<String>,
    pub key_file: Option<String>,
    pub signing_prefs: Vec<u16>,
}

/// What a test wants of the shim.
#[derive(Debug, Default)]
pub struct Options {
    pub port: u16,
    pub shim_id: u64,
    pub ipv6: bool,
    pub server: bool,
    /// The one of flags before any `-new-x509-credential`.
    pub default_credential: Credential,
    /// Those that are tried before it, in this order.
    pub credentials: Vec<Credential>,
    pub verify_prefs: Vec<u16>,
    pub verify_peer: bool,
    pub verify_fail: bool,
    /// The runner expects another alert of an application that verifies by itself.
    pub custom_verification: bool,
    pub require_client_certificate: bool,
    pub mtu: Option<usize>,
    pub initial_timeout: Option<Duration>,
    pub min_version: Option<u16>,
    pub max_version: Option<u16>,
    pub no_1_2: bool,
    pub no_1_3: bool,
    pub groups: Vec<u16>,
    pub srtp_profiles: Vec<u16>,
    pub export_length: Option<usize>,
    pub export_label: String,
    pub export_context: String,
    pub use_export_context: bool,
    pub send_alert: bool,
    pub shim_writes_first: bool,
    pub shim_shuts_down: bool,
    pub key_update_before_read: bool,
    pub expect_group: Option<u16>,
    pub expect_version: Option<u16>,
    pub expect_cipher: Option<u16>,
    pub expect_peer_scheme: Option<u16>,
    /// Counted from 0 among `credentials`; -1 is the default one.
    pub expect_credential: Option<i32>,
}

/// A flag, or a value of one, that we do not know.
#[derive(Debug)]
pub struct Unknown(pub String);

impl Options {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, Unknown> {
        let mut options = Self::default();
        // What holds for a second connection only: there is none.
        let mut later = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| Unknown(argument.clone()));
            if let Some(flag) = argument.strip_prefix("-on-initial") {
                options.set(flag, &mut value)?;
            } else if let Some(flag) =
                argument.strip_prefix("-on-resume").or(argument.strip_prefix("-on-retry"))
            {
                later.set(flag, &mut value)?;
            } else {
                options.set(&argument, &mut value)?;
            }
        }
        Ok(options)
    }

    fn set(&mut self, flag: &str, value: &mut dyn FnMut() -> Result<String, Unknown>) -> Result<(), Unknown> {
        match flag {
            "-port" => self.port = number(&value()?)?,
            "-shim-id" => self.shim_id = number(&value()?)?,
            "-ipv6" => self.ipv6 = true,
            // Said by every test, about how BoringSSL calls itself, or true of us in every case.
            "-dtls"
            | "-async"
            | "-implicit-handshake"
            | "-use-old-client-cert-callback"
            | "-use-early-callback"
            | "-no-tls1"
            | "-no-tls11"
            | "-no-ticket"
            | "-no-legacy-server-connect"
            | "-permute-extensions"
            | "-reverify-on-resume"
            | "-expect-no-hrr"
            | "-expect-hrr"
            | "-expect-extended-master-secret"
            | "-expect-verify-result" => {}
            // Whoever signed the certificates is nobody to us: fingerprints decide. Suites: ours are few enough.
            "-trust-cert" | "-cipher" => drop(value()?),
            "-server" => self.server = true,
            "-new-x509-credential" => self.credentials.push(Credential::default()),
            "-cert-file" => self.credential().certificate_file = Some(value()?),
            "-key-file" => self.credential().key_file = Some(value()?),
            "-signing-prefs" => {
                let scheme = number(&value()?)?;
                self.credential().signing_prefs.push(scheme);
            }
            "-expect-selected-credential" => self.expect_credential = Some(number(&value()?)?),
            "-verify-prefs" => self.verify_prefs.push(number(&value()?)?),
            "-expect-peer-signature-algorithm" => self.expect_peer_scheme = Some(number(&value()?)?),
            "-verify-peer" => self.verify_peer = true,
            "-verify-fail" => self.verify_fail = true,
            "-use-custom-verify-callback" => self.custom_verification = true,
            "-require-any-client-certificate" => self.require_client_certificate = true,
            "-mtu" => self.mtu = Some(number(&value()?)?),
            "-initial-timeout-duration-ms" => {
                self.initial_timeout = Some(Duration::from_millis(number(&value()?)?));
            }
            "-min-version" => self.min_version = Some(version(&value()?)?),
            "-max-version" => self.max_version = Some(version(&value()?)?),
            "-no-tls12" => self.no_1_2 = true,
            "-no-tls13" => self.no_1_3 = true,
            "-curves" => self.groups.push(number(&value()?)?),
            "-srtp-profiles" => self.srtp_profiles = srtp_profiles(&value()?)?,
            "-export-keying-material" => self.export_length = Some(number(&value()?)?),
            "-export-label" => self.export_label = value()?,
            "-export-context" => self.export_context = value()?,
            "-use-export-context" => self.use_export_context = true,
            "-send-alert" => self.send_alert = true,
            "-shim-writes-first" => self.shim_writes_first = true,
            "-shim-shuts-down" => self.shim_shuts_down = true,
            "-key-update-before-read" => self.key_update_before_read = true,
            "-expect-curve-id" => self.expect_group = Some(number(&value()?)?),
            "-expect-version" => self.expect_version = Some(number(&value()?)?),
            "-expect-cipher" => self.expect_cipher = Some(number(&value()?)?),
            _ => return Err(Unknown(flag.to_owned())),
        }
        Ok(())
    }

    /// The one that flags speak of now.
    fn credential(&mut self) -> &mut Credential {
        self.credentials.last_mut().unwrap_or(&mut self.default_credential)
    }

    /// Whether 1.2 and 1.3 are enabled. Versions of DTLS count downwards.
    pub fn versions(&self) -> (bool, bool) {
        let allowed = |version: u16| {
            self.min_version.is_none_or(|min| version <= min)
                && self.max_version.is_none_or(|max| version >= max)
        };
        (allowed(0xfefd) && !self.no_1_2, allowed(0xfefc) && !self.no_1_3)
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, Unknown> {
    text.parse().map_err(|_| Unknown(text.to_owned()))
}

/// A version of DTLS; tests that were written for TLS name its versions.
fn version(text: &str) -> Result<u16, Unknown> {
    Ok(match number(text)? {
        0x0304 => 0xfefc,
        0x0303 => 0xfefd,
        other => other,
    })
}

/// RFC 5764 §4.1.2, RFC 7714 §14.2.
fn srtp_profiles(text: &str) -> Result<Vec<u16>, Unknown> {
    let profile = |name: &str| match name {
        "SRTP_AES128_CM_SHA1_80" => Ok(1),
        "SRTP_AES128_CM_SHA1_32" => Ok(2),
        "SRTP_AEAD_AES_128_GCM" => Ok(7),
        "SRTP_AEAD_AES_256_GCM" => Ok(8),
        _ => Err(Unknown(name.to_owned())),
    };
    text.split(':').map(profile).collect()
}
