//! The world while a node runs: names come from the manifest, data from the warehouse.

use super::adapter;
use super::comment::Template;
use super::microbatch::Window;
use super::world::{Defer, World};
use indexmap::IndexMap;
use rsdbt_base::{Code, DBT_VERSION, Diagnostic, Dialect, Relation};
use rsdbt_jinja::{Arguments, Data, Fault, Host};
use rsdbt_project::ir::{Config, Node, RefCall, ResourceType};
use rsdbt_warehouse::{DbError, DbErrorKind, Outcome, Session};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

/// A session that templates of one node share; a transaction opens with the first statement.
pub struct Conversation {
    session: Option<Box<dyn Session>>,
    open: bool,
    /// Whether the session has this node's labels.
    labelled: bool,
}

/// What a template changes while it runs.
#[derive(Default)]
struct Changing {
    sql: Option<String>,
    variables: IndexMap<String, Data>,
    ephemeral: BTreeSet<String>,
    /// In-file `config()` calls of a test or operation at run time are known already: they are ignored.
    statements: Vec<String>,
    written: Option<String>,
}

pub struct RunHost {
    pub world: Arc<World>,
    pub node: Arc<Node>,
    conversation: Mutex<Conversation>,
    changing: Mutex<Changing>,
    /// The query comment of the node's statements, once it is rendered.
    comment: OnceLock<String>,
    /// Stand-ins of a unit test: `ref`/`source` inputs by relation name, vars, macros' values.
    pub stand_ins: IndexMap<String, Data>,
    pub vars: IndexMap<String, Json>,
    /// The slice of time that a microbatch model is built for.
    pub window: Option<Window>,
}

pub fn database_fault(error: &DbError) -> Fault {
    let code = match error.kind {
        DbErrorKind::Locked => Code::LOCKED,
        DbErrorKind::Library => Code::LIBRARY,
        DbErrorKind::Unsupported => Code::SQL_UNSUPPORTED,
        DbErrorKind::Semantic
        | DbErrorKind::Syntax
        | DbErrorKind::Execution
        | DbErrorKind::Interrupted
        | DbErrorKind::Other => Code::DATABASE,
    };
    let mut fault = Fault::new(code, "Database", error.message.clone());
    fault.help = error.help.clone();
    fault.sql = error.sql.clone().map(|sql| (sql, error.position));
    fault
}

impl RunHost {
    pub fn new(world: &Arc<World>, node: &Arc<Node>, session: Option<Box<dyn Session>>) -> RunHost {
        RunHost {
            world: world.clone(),
            node: node.clone(),
            conversation: Mutex::new(Conversation { session, open: false, labelled: false }),
            changing: Mutex::default(),
            comment: OnceLock::new(),
            stand_ins: IndexMap::new(),
            vars: IndexMap::new(),
            window: None,
        }
    }

    fn changing(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub fn set_sql(&self, sql: &str) {
        self.changing().sql = Some(sql.to_owned());
    }

    pub fn set_variable(&self, name: &str, value: Data) {
        self.changing().variables.insert(name.to_owned(), value);
    }

    /// Renders the query comment: from now on it stands at every statement, and its labels on every job.
    pub fn set_comment(self: &Arc<Self>) -> Result<(), Fault> {
        let comment = self.rendered_comment()?;
        // The first one holds: a node has one comment.
        let _ = self.comment.set(comment);
        Ok(())
    }

    fn rendered_comment(self: &Arc<Self>) -> Result<String, Fault> {
        let template = match self.world.query_comment.template() {
            Template::None => return Ok(String::new()),
            Template::Default => return Ok(self.default_comment().to_string()),
            Template::Given(text) => text,
        };
        let scope = self.world.engine.scope(self.clone(), &self.world.manifest.project);
        let text = self.world.engine.render_text(template, &scope);
        let text = text.map_err(|error| error.fault.unwrap_or_else(|| Fault::compilation(error.diagnostic.message)))?;
        if text.contains("*/") {
            return Err(Fault::compilation(format!("the query comment ends itself: it contains \"*/\": {text}")));
        }
        Ok(text.trim().to_owned())
    }

    fn default_comment(&self) -> Json {
        let target = &self.world.invocation.target;
        json!({
            "app": "dbt", "dbt_version": DBT_VERSION, "profile_name": target.get("profile_name"),
            "target_name": target.get("target_name"), "node_id": self.node.unique_id,
        })
    }

    /// Ephemeral models that the text refers to.
    pub fn ephemeral(&self) -> BTreeSet<String> {
        self.changing().ephemeral.clone()
    }

    /// What the node ran, for target/run: the main statement, or all of them where none is called main.
    pub fn ran(&self) -> String {
        let changing = self.changing();
        changing.written.clone().unwrap_or_else(|| changing.statements.join(";\n"))
    }

    /// Uses the session, which is opened at the first call.
    pub fn with_session<T>(&self, work: impl FnOnce(&mut dyn Session) -> Result<T, DbError>) -> Result<T, Fault> {
        let mut conversation = self.conversation.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if self.world.stops.stopped() {
            return Err(Fault::new(Code::DATABASE, "Runtime", "the run was stopped"));
        }
        if conversation.session.is_none() {
            conversation.session = Some(self.world.session().map_err(|error| database_fault(&error))?);
        }
        let fresh = !std::mem::replace(&mut conversation.labelled, true);
        if let (true, Some(comment), Some(session)) = (fresh, self.comment.get(), conversation.session.as_mut()) {
            session.set_labels(self.world.query_comment.labels(comment, &self.world.invocation.id));
        }
        match conversation.session.as_mut() {
            Some(session) => work(session.as_mut()).map_err(|error| database_fault(&error)),
            None => Err(Fault::compilation("no session")),
        }
    }

    /// Runs statements, inside a transaction unless `auto_begin` is false.
    pub fn execute(&self, sql: &str, auto_begin: bool) -> Result<Outcome, Fault> {
        if sql.trim().is_empty() {
            return Ok(Outcome::default());
        }
        self.changing().statements.push(sql.to_owned());
        if auto_begin {
            self.begin()?;
        }
        let comment = self.comment.get().map_or("", String::as_str);
        let sql = self.world.query_comment.add(comment, sql);
        self.with_session(|session| session.execute(&sql))
    }

    pub fn begin(&self) -> Result<(), Fault> {
        if self.is_open() {
            return Ok(());
        }
        self.with_session(|session| session.begin())?;
        self.conversation.lock().unwrap_or_else(std::sync::PoisonError::into_inner).open = true;
        Ok(())
    }

    fn is_open(&self) -> bool {
        self.conversation.lock().unwrap_or_else(std::sync::PoisonError::into_inner).open
    }

    pub fn commit(&self) -> Result<(), Fault> {
        if !self.is_open() {
            return Ok(());
        }
        self.conversation.lock().unwrap_or_else(std::sync::PoisonError::into_inner).open = false;
        self.with_session(|session| session.commit())
    }

    pub fn rollback(&self) {
        let mut conversation = self.conversation.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if std::mem::take(&mut conversation.open)
            && let Some(session) = conversation.session.as_mut()
        {
            // Nothing is to be saved: a connection that cannot roll back is dropped with what it did.
            if session.rollback().is_err() {
                conversation.session = None;
            }
        }
    }

    /// Gives the session back for the next node.
    pub fn into_session(&self) -> Option<Box<dyn Session>> {
        self.conversation.lock().unwrap_or_else(std::sync::PoisonError::into_inner).session.take()
    }

    /// What an input gives to this node: nothing under `--empty`, the batch's window of inputs that have an `event_time`.
    fn rows(&self, input: &Config) -> Option<String> {
        if self.world.invocation.flag("EMPTY") {
            return Some("where false limit 0".to_owned());
        }
        let column = input.settings().microbatch.event_time.as_deref()?;
        Some(format!("where {}", self.window?.condition(column, self.world.invocation.dialect)))
    }

    /// Where another environment has a node that is to be read there.
    fn deferred(&self, node: &Node) -> Result<Option<Relation>, Fault> {
        let deferral = &self.world.deferral;
        let other = deferral.relations.get(&node.unique_id).filter(|_| !node.is_ephemeral());
        let (Some(other), false) = (other, deferral.when == Defer::Never) else { return Ok(None) };
        let favored = deferral.when == Defer::Unselected && !self.world.selected.contains(&node.unique_id);
        if !favored && self.find(&node.database, &node.schema, &node.alias)?.is_some() {
            return Ok(None);
        }
        let rows = if self.node.resource_type.is_refable() { self.rows(&node.config) } else { None };
        Ok(Some(Relation { rows, kind: Some("table".to_owned()), ..other.clone() }))
    }

    fn relation_of(&self, node: &Node) -> Relation {
        let mut relation = node.relation(self.world.invocation.dialect);
        if node.is_ephemeral() {
            self.changing().ephemeral.insert(node.unique_id.clone());
        }
        if self.node.resource_type.is_refable() {
            relation.rows = self.rows(&node.config);
        }
        if relation.kind.is_none() && node.resource_type != ResourceType::Model {
            relation.kind = Some("table".to_owned());
        }
        relation
    }
}

impl Host for RunHost {
    fn executing(&self) -> bool {
        true
    }

    fn reference(&self, package: Option<&str>, name: &str, version: Option<&str>) -> Result<Data, Fault> {
        let call =
            RefCall { package: package.map(str::to_owned), name: name.to_owned(), version: version.map(str::to_owned) };
        let manifest = &self.world.manifest;
        let found =
            self.world.refs.find(&call, &self.node.package, &manifest.project).and_then(|id| manifest.nodes.get(id));
        let Some(node) = found else {
            let message = format!("'{}' depends on a node named '{name}' which was not found", self.node.unique_id);
            return Err(Fault::new(Code::REF, "Compilation", message));
        };
        if let Some(stand_in) = self.stand_ins.get(&node.unique_id) {
            return Ok(stand_in.clone());
        }
        let declared = self.node.depends_on.contains(&node.unique_id)
            || node.unique_id == self.node.unique_id
            || self.node.resource_type == ResourceType::Operation;
        if !declared {
            let message = format!(
                "dbt was unable to infer all dependencies for the model \"{}\".\nThis typically happens when ref() is placed within a conditional block.\n\nTo fix this, add the following hint to the top of the model \"{}\":\n\n-- depends_on: {{{{ ref('{name}') }}}}",
                self.node.name, self.node.name
            );
            return Err(Fault::compilation(message));
        }
        Ok(Data::Relation(match self.deferred(node)? {
            Some(relation) => relation,
            None => self.relation_of(node),
        }))
    }

    fn source(&self, source: &str, table: &str) -> Result<Data, Fault> {
        let manifest = &self.world.manifest;
        let id = self.world.refs.find_source(source, table, &self.node.package, &manifest.project);
        let found = id.and_then(|id| manifest.sources.get(id));
        let Some(found) = found else {
            return Err(Fault::new(
                Code::SOURCE,
                "Compilation",
                format!("there is no source named '{source}.{table}'"),
            ));
        };
        if let Some(stand_in) = self.stand_ins.get(&found.unique_id) {
            return Ok(stand_in.clone());
        }
        let mut relation = found.relation(self.world.invocation.dialect);
        relation.rows = self.rows(&found.config);
        Ok(Data::Relation(relation))
    }

    fn var(&self, name: &str) -> Option<Json> {
        self.vars.get(name).cloned().or_else(|| self.world.invocation.var(&self.node.package, name))
    }

    fn env_var(&self, name: &str) -> Option<String> {
        self.world.invocation.environment.get(name).cloned()
    }

    fn configure(&self, _: IndexMap<String, Data>) -> Result<(), Fault> {
        Ok(())
    }

    fn config(&self, key: &str) -> Option<Data> {
        self.node.config.get(key).cloned().map(Data::from)
    }

    fn variable(&self, name: &str) -> Option<Data> {
        if let Some(value) = self.changing().variables.get(name) {
            return Some(value.clone());
        }
        Some(match name {
            "this" => match self.stand_ins.get("this") {
                Some(stand_in) => stand_in.clone(),
                None => Data::Relation(Relation { kind: None, ..self.node.relation(self.world.invocation.dialect) }),
            },
            "sql" | "compiled_code" => Data::text(self.changing().sql.clone().unwrap_or_default()),
            "model" | "node" => {
                let mut json =
                    rsdbt_project::artifact::node_json(&self.node, &self.world.manifest, self.world.invocation.dialect);
                if let (Json::Object(map), Some(sql)) = (&mut json, &self.changing().sql) {
                    map.insert("compiled_code".into(), Json::from(sql.as_str()));
                    map.insert("compiled_sql".into(), Json::from(sql.as_str()));
                    map.insert("compiled".into(), Json::Bool(true));
                }
                let mut data = Data::from(json);
                if let (Data::Map(map), Some(window)) = (&mut data, &self.window) {
                    map.insert("batch".to_owned(), window.data());
                }
                data
            }
            "defer_relation" => {
                let other = self.world.deferral.relations.get(&self.node.unique_id);
                other.cloned().map_or(Data::None, Data::Relation)
            }
            "database" => Data::text(self.node.database.clone()),
            "schema" => Data::text(self.node.schema.clone()),
            "graph" => Data::from(
                self.world
                    .graph_json
                    .get_or_init(|| {
                        rsdbt_project::artifact::graph_json(&self.world.manifest, self.world.invocation.dialect)
                    })
                    .clone(),
            ),
            "pre_hooks" => hooks(&self.node, "pre-hook"),
            "post_hooks" => hooks(&self.node, "post-hook"),
            "thread_id" => Data::text(std::thread::current().name().unwrap_or("main").to_owned()),
            "selected_resources" => Data::List(self.world.selected.iter().cloned().map(Data::Text).collect()),
            "results" | "schemas" | "database_schemas" => Data::List(Vec::new()),
            "connection_name" => Data::text(self.node.unique_id.clone()),
            _ => return rsdbt_project::variable(&self.world.invocation, name),
        })
    }

    fn adapter(&self, method: &str, arguments: Arguments) -> Result<Data, Fault> {
        adapter::call(self, method, arguments)
    }

    fn log(&self, message: &str, info: bool) {
        if info {
            self.world.listener.said(message);
        }
    }

    fn warn(&self, message: &str) {
        self.world.listener.warned(&Diagnostic::warning(Code::JINJA, message.to_owned()));
    }

    fn doc(&self, _: Option<&str>, name: &str) -> Result<String, Fault> {
        let found = self.world.manifest.docs.values().find(|doc| doc.name == name);
        found
            .map(|doc| doc.text.clone())
            .ok_or_else(|| Fault::compilation(format!("Documentation for '{name}' not found")))
    }

    fn macro_called(&self, _: &str) {}

    fn dialect(&self) -> Dialect {
        self.world.invocation.dialect
    }

    fn write(&self, text: &str) {
        self.changing().written = Some(text.to_owned());
    }

    fn stand_in(&self, macro_name: &str) -> Option<Data> {
        if self.stand_ins.is_empty() { None } else { self.stand_ins.get(&format!("macro.{macro_name}")).cloned() }
    }
}

fn hooks(node: &Node, key: &str) -> Data {
    let items = node.config.get(key).cloned().unwrap_or_else(|| json!([]));
    Data::from(items)
}
