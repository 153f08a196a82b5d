//! The table of connections and its stateless answers.
