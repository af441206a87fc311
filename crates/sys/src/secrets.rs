//! Values of `DBT_ENV_SECRET_*` variables, as they must never be seen: masked in all that is printed or written.

use std::borrow::Cow;
use std::sync::OnceLock;

const PREFIX: &str = "DBT_ENV_SECRET";
const MASK: &str = "*****";

/// The secrets of this process, longest first: one may be a part of another.
fn secrets() -> &'static [String] {
    static SECRETS: OnceLock<Vec<String>> = OnceLock::new();
    SECRETS.get_or_init(|| {
        let named = super::env_vars().into_iter().filter(|(name, value)| name.starts_with(PREFIX) && !value.is_empty());
        // In JSON a quote or a line end of a secret is written otherwise.
        let escaped = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let mut all: Vec<String> = named.flat_map(|(_, value)| [escaped(&value), value]).collect();
        all.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        all.dedup();
        all
    })
}

/// The text with every secret replaced.
pub fn masked(text: &str) -> Cow<'_, str> {
    mask(text, secrets())
}

fn mask<'t>(text: &'t str, secrets: &[String]) -> Cow<'t, str> {
    let mut masked = Cow::Borrowed(text);
    for secret in secrets {
        if masked.contains(secret.as_str()) {
            masked = Cow::Owned(masked.replace(secret.as_str(), MASK));
        }
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_secrets_go_first() {
        let secrets = ["abcd".to_owned(), "ab".to_owned()];
        assert_eq!(mask("x abcd y ab z", &secrets), "x ***** y ***** z");
        assert!(matches!(mask("nothing", &secrets), Cow::Borrowed(_)));
    }
}
