//! The flags of a test. What is not listed here is a feature that we do not have: exit code 89.

use std::time::Duration;

/// What a test wants of the shim.
#[derive(Debug, Default)]
pub struct Options {
    pub port: u16,
    pub shim_id: u64,
    pub ipv6: bool,
    pub server: bool,
    pub certificate_file: Option<String>,
    pub key_file: Option<String>,
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
    pub expect_extended_master_secret: bool,
}

/// A flag, or a value of one, that we do not know.
#[derive(Debug)]
pub struct Unknown(pub String);

impl Options {
    pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Self, Unknown> {
        let mut options = Self::default();
        let mut arguments = arguments;
        while let Some(argument) = arguments.next() {
            // Without a second connection the first one is the only one.
            let flag = argument.strip_prefix("-on-initial").unwrap_or(&argument).to_owned();
            let mut value = || arguments.next().ok_or_else(|| Unknown(argument.clone()));
            match flag.as_str() {
                "-port" => options.port = number(&value()?)?,
                "-shim-id" => options.shim_id = number(&value()?)?,
                "-ipv6" => options.ipv6 = true,
                // Said by every test, or about how BoringSSL calls itself.
                "-dtls"
                | "-async"
                | "-implicit-handshake"
                | "-use-old-client-cert-callback"
                | "-use-early-callback"
                | "-no-tls1"
                | "-no-tls11"
                | "-permute-extensions"
                | "-expect-no-hrr"
                | "-expect-hrr"
                | "-expect-verify-result" => {}
                // Whoever signed the certificates is nobody to us: fingerprints decide.
                "-trust-cert" => drop(value()?),
                "-server" => options.server = true,
                "-cert-file" => options.certificate_file = Some(value()?),
                "-key-file" => options.key_file = Some(value()?),
                "-verify-peer" => options.verify_peer = true,
                "-verify-fail" => options.verify_fail = true,
                "-use-custom-verify-callback" => options.custom_verification = true,
                "-require-any-client-certificate" => options.require_client_certificate = true,
                "-mtu" => options.mtu = Some(number(&value()?)?),
                "-initial-timeout-duration-ms" => {
                    options.initial_timeout = Some(Duration::from_millis(number(&value()?)?));
                }
                "-min-version" => options.min_version = Some(number(&value()?)?),
                "-max-version" => options.max_version = Some(number(&value()?)?),
                "-no-tls12" => options.no_1_2 = true,
                "-no-tls13" => options.no_1_3 = true,
                "-curves" => options.groups.push(number(&value()?)?),
                "-srtp-profiles" => options.srtp_profiles = srtp_profiles(&value()?)?,
                "-export-keying-material" => options.export_length = Some(number(&value()?)?),
                "-export-label" => options.export_label = value()?,
                "-export-context" => options.export_context = value()?,
                "-use-export-context" => options.use_export_context = true,
                "-send-alert" => options.send_alert = true,
                "-shim-writes-first" => options.shim_writes_first = true,
                "-shim-shuts-down" => options.shim_shuts_down = true,
                "-key-update-before-read" => options.key_update_before_read = true,
                "-expect-curve-id" => options.expect_group = Some(number(&value()?)?),
                "-expect-version" => options.expect_version = Some(number(&value()?)?),
                "-expect-cipher" => options.expect_cipher = Some(number(&value()?)?),
                "-expect-extended-master-secret" => options.expect_extended_master_secret = true,
                _ => return Err(Unknown(argument)),
            }
        }
        Ok(options)
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
