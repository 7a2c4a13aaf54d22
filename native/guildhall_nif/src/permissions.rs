//! NIFs of `Guildhall.Permissions`.

use permissions::{
    Change, Channel, Full, Guild, Kind, MEMORY, Mask, Member, Members, Overwrite, Standing, Target,
    Torn,
};
use rustler::{
    Atom, Binary, Decoder, Encoder, Env, Error, NewBinary, NifResult, Resource, ResourceArc, Term,
};
use smallvec::SmallVec;

use crate::failure::Failure;
use crate::list::List;
use crate::{atoms, reaper};

/// A guild of this size takes longer to free than a scheduler should be held.
const LARGE: usize = 1 << 20;
/// More roles than this are no member's.
const MAX_ROLES: usize = 4_096;
/// Channels times roles that a normal scheduler looks at, at some 20 ns each.
const NORMAL: usize = 20_000;

/// Immutable, so any process may read it at any time.
pub(crate) struct PermissionsResource {
    /// An option only so that the destructor can hand it over.
    guild: Option<Guild>,
}

#[rustler::resource_impl]
impl Resource for PermissionsResource {}

impl PermissionsResource {
    fn get(&self) -> NifResult<&Guild> {
        self.guild.as_ref().ok_or(Error::BadArg)
    }
}

impl Drop for PermissionsResource {
    fn drop(&mut self) {
        if let Some(guild) = self.guild.take_if(|guild| guild.bytes() > LARGE) {
            reaper::bury(guild);
        }
    }
}

type Made = ResourceArc<PermissionsResource>;

fn made(guild: Guild) -> Made {
    ResourceArc::new(PermissionsResource { guild: Some(guild) })
}

fn checked(guild: Result<Guild, Full>) -> NifResult<Result<Made, Failure>> {
    Ok(guild.map(made).map_err(|Full| Failure::MemoryLimit))
}

/// `{id, target, allow, deny}`
type Quadruple = (u64, Atom, Mask, Mask);

/// `{id, kind, overwrites}`
pub(crate) struct Described {
    pub(crate) id: u64,
    pub(crate) kind: Kind,
    pub(crate) overwrites: Vec<Overwrite>,
}

impl<'a> Decoder<'a> for Described {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        let (id, kind, overwrites): (u64, Term<'a>, List<Quadruple>) = term.decode()?;
        let overwrites = overwrites.0.into_iter().map(overwrite).collect::<NifResult<_>>()?;
        Ok(Self { id, kind: kind_of(kind)?, overwrites })
    }
}

impl Described {
    fn in_guild(self, guild: u64) -> Channel {
        Channel::new(guild, self.id, self.kind, self.overwrites)
    }
}

/// A change, of which a channel is still to be compiled.
enum Told {
    Channel(Described),
    Other(Change),
}

impl<'a> Decoder<'a> for Told {
    fn decode(term: Term<'a>) -> NifResult<Self> {
        if let Ok((role, id, mask)) = term.decode::<(Atom, u64, Mask)>() {
            let told = Self::Other(Change::Role(id, mask));
            return if role == atoms::role() { Ok(told) } else { Err(Error::BadArg) };
        }
        let (kind, what): (Atom, Term<'a>) = term.decode()?;
        match kind {
            kind if kind == atoms::channel() => Ok(Self::Channel(what.decode()?)),
            kind if kind == atoms::owner() => Ok(Self::Other(Change::Owner(what.decode()?))),
            kind if kind == atoms::role_deleted() => {
                Ok(Self::Other(Change::RoleDeleted(what.decode()?)))
            }
            kind if kind == atoms::channel_deleted() => {
                Ok(Self::Other(Change::ChannelDeleted(what.decode()?)))
            }
            _ => Err(Error::BadArg),
        }
    }
}

impl Told {
    fn in_guild(self, guild: u64) -> Change {
        match self {
            Self::Channel(channel) => Change::Channel(channel.in_guild(guild)),
            Self::Other(change) => change,
        }
    }
}

fn kind_of(term: Term<'_>) -> NifResult<Kind> {
    if let Ok((thread, parent)) = term.decode::<(Atom, u64)>() {
        return if thread == atoms::thread() {
            Ok(Kind::Thread(parent))
        } else {
            Err(Error::BadArg)
        };
    }
    match term.decode::<Atom>()? {
        kind if kind == atoms::text() => Ok(Kind::Text),
        kind if kind == atoms::voice() => Ok(Kind::Voice),
        _ => Err(Error::BadArg),
    }
}

fn overwrite((id, target, allow, deny): Quadruple) -> NifResult<Overwrite> {
    let target = match target {
        target if target == atoms::role() => Target::Role,
        target if target == atoms::member() => Target::Member,
        _ => return Err(Error::BadArg),
    };
    Ok(Overwrite { id, target, allow, deny })
}

/// Roles are a list of ids, or those packed.
fn standing(guild: &Guild, id: u64, roles: Term<'_>, timed_out: bool) -> NifResult<Standing> {
    let member = Member { id, timed_out };

    if let Ok(packed) = Binary::from_term(roles) {
        let (words, rest) = packed.as_chunks::<8>();
        if !rest.is_empty() || words.len() > MAX_ROLES {
            return Err(Error::BadArg);
        }
        return Ok(guild.standing(member, words.iter().map(|word| u64::from_le_bytes(*word))));
    }

    let mut ids = SmallVec::<[u64; 16]>::new();
    let mut rest = roles;
    while !rest.is_empty_list() {
        let (role, tail) = rest.list_get_cell()?;
        if ids.len() == MAX_ROLES {
            return Err(Error::BadArg);
        }
        ids.push(role.decode()?);
        rest = tail;
    }
    Ok(guild.standing(member, ids))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn permissions_new(
    id: u64,
    owner: Option<u64>,
    roles: List<(u64, Mask)>,
    channels: List<Described>,
    max_bytes: usize,
) -> NifResult<Result<Made, Failure>> {
    let channels = channels.0.into_iter().map(|channel| channel.in_guild(id));
    checked(Guild::new(id, owner, max_bytes).filled(roles.0, channels))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn permissions_change(
    guild: &PermissionsResource,
    changes: List<Told>,
) -> NifResult<Result<Made, Failure>> {
    let guild = guild.get()?;
    checked(guild.changed(changes.0.into_iter().map(|told| told.in_guild(guild.id()))))
}

#[rustler::nif]
fn permissions_base(guild: &PermissionsResource, id: u64, roles: Term<'_>) -> NifResult<Mask> {
    Ok(standing(guild.get()?, id, roles, false)?.base())
}

#[rustler::nif]
fn permissions_overwritten(
    guild: &PermissionsResource,
    channel: u64,
    id: u64,
    roles: Term<'_>,
) -> NifResult<Mask> {
    let guild = guild.get()?;
    Ok(guild.overwritten(&standing(guild, id, roles, false)?, channel))
}

#[rustler::nif]
fn permissions_in_channel(
    guild: &PermissionsResource,
    channel: u64,
    id: u64,
    roles: Term<'_>,
    timed_out: bool,
) -> NifResult<Mask> {
    let guild = guild.get()?;
    Ok(guild.in_channel(&standing(guild, id, roles, timed_out)?, channel))
}

/// `:beyond` if it takes long.
#[rustler::nif]
fn permissions_visible<'a>(
    env: Env<'a>,
    guild: &PermissionsResource,
    id: u64,
    roles: Term<'a>,
) -> NifResult<Term<'a>> {
    let guild = guild.get()?;
    let standing = standing(guild, id, roles, false)?;
    if guild.channels().saturating_mul(standing.roles() + 1) > NORMAL {
        return Ok(atoms::beyond().encode(env));
    }
    Ok(guild.visible(&standing).encode(env))
}

#[rustler::nif(schedule = "DirtyCpu")]
fn permissions_visible_dirty(
    guild: &PermissionsResource,
    id: u64,
    roles: Term<'_>,
) -> NifResult<Vec<u64>> {
    let guild = guild.get()?;
    Ok(guild.visible(&standing(guild, id, roles, false)?))
}

fn in_channel_many<'a>(
    env: Env<'a>,
    guild: &PermissionsResource,
    channel: u64,
    members: Binary<'a>,
) -> NifResult<Binary<'a>> {
    let guild = guild.get()?;
    let masks = Members::new(&members).and_then(|members| members.in_channel(guild, channel));
    let masks = masks.map_err(|Torn| Error::BadArg)?;
    let mut packed = NewBinary::new(env, masks.len() * 8);
    for (word, mask) in packed.as_mut_slice().as_chunks_mut().0.iter_mut().zip(masks) {
        *word = mask.to_le_bytes();
    }
    Ok(packed.into())
}

#[rustler::nif]
fn permissions_in_channel_many<'a>(
    env: Env<'a>,
    guild: &PermissionsResource,
    channel: u64,
    members: Binary<'a>,
) -> NifResult<Binary<'a>> {
    in_channel_many(env, guild, channel, members)
}

#[rustler::nif(schedule = "DirtyCpu")]
fn permissions_in_channel_many_dirty<'a>(
    env: Env<'a>,
    guild: &PermissionsResource,
    channel: u64,
    members: Binary<'a>,
) -> NifResult<Binary<'a>> {
    in_channel_many(env, guild, channel, members)
}

#[rustler::nif]
fn permissions_memory() -> (u64, u64) {
    MEMORY.read()
}
