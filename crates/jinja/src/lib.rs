//! dbt's language on minijinja: the world is reached through `Host` only, and no minijinja type leaves this room.

mod builtin;
mod call;
mod calls;
mod culprit;
mod diag;
mod env;
mod exceptions;
mod expression;
mod filters;
mod flags;
mod format;
mod functions;
mod height;
pub mod host;
mod json;
mod lex;
mod literal;
mod native;
mod ops;
mod prepass;
mod reader;
mod registry;
mod rope;
mod scope;
mod signature;
mod str_format;
mod strings;
mod structure;
mod value;
mod yaml;

pub use calls::{MacroCall, macro_calls, names_variable};
pub use diag::RenderError;
pub use host::{Arguments, Data, Fault, Host};
use indexmap::IndexMap;
use minijinja::value::Kwargs;
use minijinja::{Environment, Value};
pub use prepass::{Block, BlockKind, Prepared};
pub use registry::{File, INTERNAL, MacroDef, Registry};
use rsdbt_base::{Code, Diagnostic, roomy};
use scope::Locals;
pub use signature::{Given, Signature};
use std::collections::HashMap;
use std::sync::Arc;
pub use value::table::agate_type;

/// Cuts a file into templates. `path` is what messages show.
pub fn prepare(path: &str, source: &str) -> Result<Prepared, Diagnostic> {
    roomy(|| prepass::prepare(source)).map_err(|error| diag::syntax(&error, path, source))
}

/// The compiled language of one project.
pub struct Engine {
    env: Environment<'static>,
    registry: Arc<Registry>,
}

/// The world of one node, as its templates see it.
#[derive(Clone)]
pub struct Scope(Arc<scope::Scope>);

impl Engine {
    pub fn new(registry: Registry) -> Self {
        let registry = Arc::new(registry);
        Engine { env: env::build(&registry), registry }
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn scope(&self, host: Arc<dyn Host>, package: &str) -> Scope {
        Scope(scope::Scope::new(self.registry.clone(), host, package))
    }

    /// Renders a registered file.
    pub fn render(&self, path: &str, scope: &Scope) -> Result<String, RenderError> {
        let context = Locals::new(HashMap::new(), scope.0.clone(), scope.0.package().to_owned());
        let rendered = self.env.get_template(path).and_then(|t| t.render(Value::from_object(context)));
        rendered.map_err(|error| match call::returned(&error) {
            Some(_) => RenderError {
                diagnostic: Diagnostic::error(Code::JINJA, "return() outside of a macro")
                    .at(rsdbt_base::Place::file(path)),
                fault: None,
            },
            None => self.explain(&error),
        })
    }

    /// Renders text that is in no file: a hook, a description.
    pub fn render_text(&self, text: &str, scope: &Scope) -> Result<String, RenderError> {
        let rendered = env::render_text(&self.env, &scope.0, text);
        rendered.map(|value| value::python::text(&value)).map_err(|error| self.explain(&error))
    }

    /// Renders a YAML value; one expression alone keeps its type.
    pub fn render_native(&self, text: &str, scope: &Scope) -> Result<Data, RenderError> {
        let rendered = native::render(&self.env, &scope.0, text);
        rendered.map(|value| value::to_data(&value)).map_err(|error| self.explain(&error))
    }

    /// Calls a macro with keyword arguments; its `return()` or its text comes back.
    pub fn call(
        &self,
        definition: &Arc<MacroDef>,
        scope: &Scope,
        named: IndexMap<String, Data>,
    ) -> Result<Data, RenderError> {
        self.call_about(definition, scope, named, None)
    }

    /// The same; the parameter `model` gets the scope's variable of that name, which is converted once for all calls.
    pub fn call_about(
        &self,
        definition: &Arc<MacroDef>,
        scope: &Scope,
        named: IndexMap<String, Data>,
        model: Option<&str>,
    ) -> Result<Data, RenderError> {
        let model = model.and_then(|parameter| Some((parameter.to_owned(), scope.0.variable("model")?)));
        let kwargs: Kwargs = named.into_iter().map(|(k, v)| (k, value::from_data(v))).chain(model).collect();
        let callable = Value::from_object(call::MacroValue { definition: definition.clone(), scope: scope.0.clone() });
        let mut state = self.env.empty_state();
        let result = callable.call(&mut state, &[Value::from(kwargs)]);
        result.map(|value| value::to_data(&value)).map_err(|error| self.explain(&error))
    }

    fn explain(&self, error: &minijinja::Error) -> RenderError {
        diag::explain(error, &self.registry)
    }
}

impl Scope {
    /// The result that a `statement` stored under `name`.
    pub fn result(&self, name: &str) -> Option<Data> {
        self.0.load(name).map(|value| value::to_data(&value))
    }
}

#[cfg(test)]
mod tests;
