//! The program as administrators meet it: exit statuses, documents, and who may run when.

mod folders;
mod offline;
mod online;
mod recovery;
mod support;
