//! Opening redb on a medium, with its tables and the rows about itself.

use std::panic::{self, AssertUnwindSafe};

use redb::{
    Database, ReadTransaction, ReadableDatabase, StorageBackend, TableDefinition, TableError,
    WriteTransaction,
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
const SEQUENCE_ROW: &str = "sequence";

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

/// The number of the last commit that is in the database.
pub(crate) fn sequence(database: &Database) -> Result<u64, Failure> {
    let row = database.begin_read()?.open_table(META)?.get(SEQUENCE_ROW)?;
    Ok(row.map_or(0, |row| row.value()))
}

/// Writes the number of a commit beside its rows, so that after an error of the disk it
/// is known whether the commit is there.
pub(crate) fn put_sequence(transaction: &WriteTransaction, sequence: u64) -> Result<(), Failure> {
    transaction.open_table(META)?.insert(SEQUENCE_ROW, sequence)?;
    Ok(())
}

fn format(database: &Database) -> Result<Option<u64>, OpenFailure> {
    match database.begin_read().map_err(Failure::from)?.open_table(META) {
        Ok(meta) => {
            let row = redb::ReadableTable::get(&meta, FORMAT_ROW).map_err(Failure::from)?;
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
        let transaction = database.begin_write()?;
        for name in &options.tables {
            transaction.open_table(Definition::new(name))?;
        }
        transaction.open_table(GENERATIONS_TABLE)?;
        transaction.open_table(META)?.insert(FORMAT_ROW, FORMAT)?;
        Ok(transaction.commit()?)
    };
    Ok(make()?)
}
