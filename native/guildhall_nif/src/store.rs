//! The embedded store. Rows are read on dirty schedulers, because a page may have to come
//! from the disk; results of writes go to the owner in one message for each commit.

use std::path::Path;

use rustler::env::SavedTerm;
use rustler::{
    Atom, Binary, Encoder, Env, Error, LocalPid, Monitor, NewBinary, NifResult, OwnedEnv, Resource,
    ResourceArc, Term,
};
use store::{Answer, Engine, Folder, LOG_BYTES, Options, Report, Request, SWEEP_ROWS};

use crate::atoms;
use crate::list::List;
use crate::store_rows::rows;
use crate::store_terms::{RangeTerm, Reason, decode_batch, outcome};

/// An engine, the process that opened it and the names of its tables.
struct StoreResource {
    engine: Engine<Waiter>,
    tables: Vec<Atom>,
}

/// Who is told what became of a batch.
struct Waiter {
    pid: LocalPid,
    tag: SavedTerm,
    env: OwnedEnv,
}

// Nothing of it is ever half-changed under a lock: counters, a queue, a handle on a thread.
impl std::panic::RefUnwindSafe for StoreResource {}

#[rustler::resource_impl]
impl Resource for StoreResource {
    const IMPLEMENTS_DOWN: bool = true;

    /// Without its owner nobody would hear of results.
    fn down<'a>(&'a self, _env: Env<'a>, _pid: LocalPid, _monitor: Monitor) {
        self.engine.refuse();
    }
}

impl StoreResource {
    fn table(&self, name: Atom) -> NifResult<u8> {
        let index = self.tables.iter().position(|table| *table == name).ok_or(Error::BadArg)?;
        u8::try_from(index).map_err(|_| Error::BadArg)
    }
}

/// Cache, waiting batches, one commit, the disk's reserve.
type Sizes = (usize, usize, usize, u64);
/// And whether there are more.
type Rows<'a> = (Term<'a>, bool);

#[rustler::nif(schedule = "DirtyIo")]
fn store_open<'a>(
    env: Env<'a>,
    path: Binary<'a>,
    tables: List<(Atom, String)>,
    (cache_bytes, pending_bytes, commit_bytes, reserve_bytes): Sizes,
) -> NifResult<Result<ResourceArc<StoreResource>, Reason>> {
    let path = std::str::from_utf8(&path).map_err(|_| Error::BadArg)?;
    let (tables, names) = tables.0.into_iter().unzip();
    let options = Options {
        tables: names,
        cache_bytes,
        pending_bytes,
        commit_bytes,
        reserve_bytes,
        log_bytes: LOG_BYTES,
        sweep_rows: SWEEP_ROWS,
    };
    let owner = env.pid();
    let mut message = OwnedEnv::new();

    let opened = Folder::lock(Path::new(path)).and_then(|folder| {
        Engine::open(folder, options, move |report| {
            // An owner that is gone misses nothing: those who wait watch it.
            let _ = message.send_and_clear(&owner, |env| encode_report(env, report));
        })
    });
    let engine = match opened {
        Ok(engine) => engine,
        Err(failure) => return Ok(Err(failure.into())),
    };
    let resource = ResourceArc::new(StoreResource { engine, tables });
    if resource.monitor(Some(env), &owner).is_none() {
        resource.engine.refuse();
    }
    Ok(Ok(resource))
}

/// For few operations; see `store_submit_dirty`.
#[rustler::nif]
fn store_submit<'a>(
    env: Env<'a>,
    store: ResourceArc<StoreResource>,
    ops: Term<'a>,
    pid: LocalPid,
    tag: Term<'a>,
) -> NifResult<Term<'a>> {
    Ok(outcome(env, submit(&store, ops, pid, tag)?))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn store_submit_dirty<'a>(
    env: Env<'a>,
    store: ResourceArc<StoreResource>,
    ops: Term<'a>,
    pid: LocalPid,
    tag: Term<'a>,
) -> NifResult<Term<'a>> {
    Ok(outcome(env, submit(&store, ops, pid, tag)?))
}

fn submit(
    store: &StoreResource,
    ops: Term<'_>,
    pid: LocalPid,
    tag: Term<'_>,
) -> NifResult<Result<(), Reason>> {
    let batch = match decode_batch(ops, |table| store.table(table))? {
        Ok(batch) => batch,
        Err(too_large) => return Ok(Err(too_large.into())),
    };
    let env = OwnedEnv::new();
    let tag = env.save(tag);
    let submitted = store.engine.submit(batch, Waiter { pid, tag, env });
    Ok(submitted.map_err(|(refused, _waiter)| refused.into()))
}

#[rustler::nif(schedule = "DirtyIo")]
fn store_get_many<'a>(
    env: Env<'a>,
    store: ResourceArc<StoreResource>,
    table: Atom,
    rows: List<(Binary<'a>, Binary<'a>)>,
) -> NifResult<Result<Term<'a>, Reason>> {
    let table = store.table(table)?;
    let values = store.engine.get_many(table, &places(&rows));
    Ok(values.map(|values| values_term(env, values)).map_err(Reason::from))
}

/// `{:ok, {rows, more?}}`. Long values share one binary.
#[rustler::nif(schedule = "DirtyIo")]
fn store_scan<'a>(
    env: Env<'a>,
    store: ResourceArc<StoreResource>,
    table: Atom,
    partition: Binary<'a>,
    RangeTerm(range): RangeTerm<'a>,
) -> NifResult<Result<Rows<'a>, Reason>> {
    let table = store.table(table)?;
    let page = match store.engine.scan_to(table, partition.as_slice(), range) {
        Ok(page) => page,
        Err(failure) => return Ok(Err(failure.into())),
    };
    let more = page.more();
    Ok(Ok((rows(env, page), more)))
}

/// The answers to several of these, as of one moment: `{table, rows}` or `{table, partition, range}`.
#[rustler::nif(schedule = "DirtyIo")]
fn store_read_all<'a>(
    env: Env<'a>,
    store: ResourceArc<StoreResource>,
    requests: List<Term<'a>>,
) -> NifResult<Result<Vec<Term<'a>>, Reason>> {
    let request = |term: &Term<'a>| -> NifResult<Request<'a>> {
        if let Ok((table, rows)) = term.decode::<(Atom, List<(Binary<'a>, Binary<'a>)>)>() {
            return Ok(Request::Rows(store.table(table)?, places(&rows)));
        }
        let (table, partition, RangeTerm(range)): (Atom, Binary<'a>, RangeTerm<'a>) =
            term.decode()?;
        Ok(Request::Range(store.table(table)?, partition.as_slice(), range))
    };
    let requests = requests.0.iter().map(request).collect::<NifResult<Vec<_>>>()?;

    let answer = |answer| match answer {
        Answer::Rows(values) => values_term(env, values),
        Answer::Range(page) => {
            let more = page.more();
            (rows(env, page), more).encode(env)
        }
    };
    let answers = store.engine.read_all(&requests);
    Ok(answers.map(|all| all.into_iter().map(answer).collect()).map_err(Reason::from))
}

fn places<'a>(rows: &List<(Binary<'a>, Binary<'a>)>) -> Vec<(&'a [u8], &'a [u8])> {
    rows.0.iter().map(|(partition, key)| (partition.as_slice(), key.as_slice())).collect()
}

fn values_term<'a>(env: Env<'a>, values: Vec<Option<Vec<u8>>>) -> Term<'a> {
    let value = |value: Option<Vec<u8>>| match value {
        None => atoms::nil().encode(env),
        Some(bytes) => NewBinary::from_slice(env, &bytes).into(),
    };
    let values: Vec<Term<'a>> = values.into_iter().map(value).collect();
    values.encode(env)
}

#[rustler::nif]
fn store_stats<'a>(env: Env<'a>, store: ResourceArc<StoreResource>) -> NifResult<Term<'a>> {
    let stats = store.engine.stats();
    let rows = [
        (atoms::commits(), stats.commits),
        (atoms::batches(), stats.batches),
        (atoms::commit_time(), stats.commit_nanos),
        (atoms::reopenings(), stats.reopenings),
        (atoms::dropping(), stats.sweeping),
        (atoms::pending(), stats.pending as u64),
        (atoms::pending_bytes(), stats.pending_bytes as u64),
        (atoms::cache_bytes(), stats.cache_bytes as u64),
        (atoms::disk_bytes(), stats.disk_bytes),
    ];
    Term::map_from_pairs(env, &rows)
}

/// Waits until everything that was accepted is written and the folder is free again.
#[rustler::nif(schedule = "DirtyIo")]
fn store_close(store: ResourceArc<StoreResource>) -> Atom {
    store.engine.close();
    atoms::ok()
}

/// `{:store_report, [{pid, tag, result}], commit | nil, reopened | nil}`, times in nanoseconds.
fn encode_report<'a>(env: Env<'a>, report: Report<Waiter>) -> Term<'a> {
    let result = |(waiter, result): (Waiter, Result<(), store::Failure>)| {
        let tag = waiter.env.run(|from| waiter.tag.load(from).in_env(env));
        (waiter.pid, tag, outcome(env, result)).encode(env)
    };
    let results: Vec<Term<'a>> = report.results.into_iter().map(result).collect();
    let commit = report.commit.map(|commit| (nanos(commit.duration), commit.ops, commit.bytes));
    (atoms::store_report(), results, commit, report.reopened.map(nanos)).encode(env)
}

fn nanos(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
