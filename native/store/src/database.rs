//! Opening redb on a medium, with its tables and the rows about itself.

use std::hash::{BuildHasher, RandomState};
use std::panic::{self, AssertUnwindSafe};

use redb::{
    Database, ReadTransaction, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition,
    TableError, WriteTransaction,
};

use crate::FORMAT;
use crate::failure::{Failure, OpenFailure};
use crate::generation::GENERATIONS_TABLE;
use crate::limits::Options;
use crate::medium::{Boxed, Medium};

/// Keys and values are bytes everywhere; their order is the order of bytes.
pub(crate) type Definition<'name> = TableDefinition<'name, &'static [u8], &'static [u8]>;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("_meta");
const FORMAT_ROW: &str = "format";
const ID_ROW: &str = "id";
const NUMBER_ROW: &str = "commits";

/// Opens the database of the medium, repairs what a crash left, makes what is missing.
pub(crate) fn open(medium: &dyn Medium, options: &Options) -> Result<Database, OpenFailure> {
    let storage = match medium.open()? {
        Some(storage) => storage,
        None => {
            make_tables(&open_storage(medium.create()?, options)?, options)?;
            medium.adopt()?;
            medium.open()?.ok_or(OpenFailure::Unavailable)?
        }
    };

    let database = open_storage(storage, options)?;
    match format(&database)? {
        Some(format) if format > FORMAT => return Err(OpenFailure::NewerFormat),
        Some(FORMAT) if has_tables(&database, options)? => {}
        Some(_) => make_tables(&database, options)?,
        None => return Err(OpenFailure::Corrupted),
    }
    Ok(database)
}

fn open_storage(
    storage: Box<dyn StorageBackend>,
    options: &Options,
) -> Result<Database, OpenFailure> {
    // redb checks what it reads, but a file that someone made up can still make it panic.
    panic::catch_unwind(AssertUnwindSafe(|| {
        let mut builder = Database::builder();
        builder.set_cache_size(options.cache_bytes).create_with_backend(Boxed(storage))
    }))
    .map_err(|_| OpenFailure::Corrupted)?
    .map_err(OpenFailure::from)
}

/// What tells the database from all others, and the number of its last commit.
pub(crate) fn identity(database: &Database) -> Result<(u64, u64), Failure> {
    let meta = database.begin_read()?.open_table(META)?;
    let id = meta.get(ID_ROW)?.ok_or(Failure::Unavailable)?.value();
    Ok((id, meta.get(NUMBER_ROW)?.map_or(0, |row| row.value())))
}

/// Writes the number of a commit beside its rows, so that it is known which records of
/// the log the database has.
pub(crate) fn put_number(transaction: &WriteTransaction, number: u64) -> Result<(), Failure> {
    transaction.open_table(META)?.insert(NUMBER_ROW, number)?;
    Ok(())
}

fn format(database: &Database) -> Result<Option<u64>, OpenFailure> {
    match database.begin_read().map_err(Failure::from)?.open_table(META) {
        Ok(meta) => {
            let row = meta.get(FORMAT_ROW).map_err(Failure::from)?;
            Ok(row.map(|row| row.value()))
        }
        Err(TableError::TableDoesNotExist(_)) => Ok(None),
        // A redb database, but not one of ours.
        Err(TableError::Storage(error)) => Err(Failure::from(error).into()),
        Err(_) => Err(OpenFailure::Corrupted),
    }
}

fn has_tables(database: &Database, options: &Options) -> Result<bool, OpenFailure> {
    let transaction = database.begin_read().map_err(Failure::from)?;
    let exists = |definition: Definition<'_>| has_table(&transaction, definition);

    for name in &options.tables {
        if !exists(TableDefinition::new(name))? {
            return Ok(false);
        }
    }
    exists(GENERATIONS_TABLE)
}

fn has_table(
    transaction: &ReadTransaction,
    definition: Definition<'_>,
) -> Result<bool, OpenFailure> {
    match transaction.open_table(definition) {
        Ok(_) => Ok(true),
        Err(TableError::TableDoesNotExist(_)) => Ok(false),
        Err(TableError::Storage(error)) => Err(Failure::from(error).into()),
        Err(_) => Err(OpenFailure::Corrupted),
    }
}

fn make_tables(database: &Database, options: &Options) -> Result<(), OpenFailure> {
    let make = || -> Result<(), Failure> {
        let mut transaction = database.begin_write()?;
        transaction.set_quick_repair(true);
        for name in &options.tables {
            transaction.open_table(Definition::new(name))?;
        }
        transaction.open_table(GENERATIONS_TABLE)?;
        let mut meta = transaction.open_table(META)?;
        meta.insert(FORMAT_ROW, FORMAT)?;
        if meta.get(ID_ROW)?.is_none() {
            // The standard library's way to a random number.
            meta.insert(ID_ROW, RandomState::new().hash_one(ID_ROW))?;
        }
        drop(meta);
        Ok(transaction.commit()?)
    };
    Ok(make()?)
}
