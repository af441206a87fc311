//! Query comments: what is written beside every statement, and the labels of its job.

use rsdbt_project::config::Yaml;
use serde_json::{Map, Value as Json};

/// `query-comment` of dbt_project.yml.
#[derive(Debug, Clone, Default)]
pub struct QueryComment {
    /// dbt's own comment, unless the project has another one, or none.
    template: Template,
    append: bool,
    job_label: bool,
}

/// Whose comment it is.
#[derive(Debug, Clone, Default)]
pub enum Template {
    /// dbt's own.
    #[default]
    Default,
    None,
    /// The project's, a template.
    Given(String),
}

impl QueryComment {
    /// Reads the setting: a text, or a map with `comment`, `append` and `job-label`.
    pub fn read(yaml: Option<&Yaml>) -> QueryComment {
        let Some(yaml) = yaml else { return QueryComment::default() };
        let template = |text: Option<String>| match text {
            None => Template::Default,
            Some(text) if text.trim().is_empty() => Template::None,
            Some(text) => Template::Given(text),
        };
        if yaml.is_map() {
            return QueryComment {
                template: template(yaml.get("comment").text()),
                append: yaml.get("append").flag() == Some(true),
                job_label: yaml.get("job-label").flag().or_else(|| yaml.get("job_label").flag()) == Some(true),
            };
        }
        QueryComment { template: template(yaml.text()), ..QueryComment::default() }
    }

    /// What the comment says, before it is rendered.
    pub fn template(&self) -> &Template {
        &self.template
    }

    /// A statement with its comment.
    pub fn add(&self, comment: &str, sql: &str) -> String {
        if comment.is_empty() {
            return sql.to_owned();
        }
        if !self.append {
            return format!("/* {comment} */\n{sql}");
        }
        let sql = sql.trim_end();
        match sql.strip_suffix(';') {
            Some(bare) => format!("{bare}\n/* {comment} */;"),
            None => format!("{sql}\n/* {comment} */"),
        }
    }

    /// Labels for the node's jobs: the run's id, and the comment's fields with `job-label`.
    pub fn labels(&self, comment: &str, invocation: &str) -> Vec<(String, String)> {
        let mut labels = Vec::new();
        if self.job_label && !comment.is_empty() {
            match serde_json::from_str::<Map<String, Json>>(comment) {
                Ok(fields) => {
                    let text = |value: &Json| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    labels.extend(fields.iter().map(|(key, value)| (label(key), label(&text(value)))));
                }
                Err(_) => labels.push(("query_comment".to_owned(), label(comment))),
            }
        }
        labels.push(("dbt_invocation_id".to_owned(), label(invocation)));
        labels
    }
}

/// Labels hold small letters, digits, `_` and `-`, at most 63 of them.
fn label(text: &str) -> String {
    let keep = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    text.to_lowercase().chars().map(|c| if keep(c) { c } else { '_' }).take(63).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_or_behind_the_statement() {
        let mut comment = QueryComment::default();
        assert_eq!(comment.add("x", "select 1;"), "/* x */\nselect 1;");
        comment.append = true;
        assert_eq!(comment.add("x", "select 1; "), "select 1\n/* x */;");
        assert_eq!(comment.add("", "select 1"), "select 1");
    }

    #[test]
    fn labels_have_only_what_labels_may_have() {
        let comment = QueryComment { job_label: true, ..QueryComment::default() };
        let labels = comment.labels(r#"{"node_id": "model.Shop.x"}"#, "id");
        assert_eq!(labels[0], ("node_id".to_owned(), "model_shop_x".to_owned()));
        assert_eq!(comment.labels("plain text", "id")[0].1, "plain_text");
    }
}
