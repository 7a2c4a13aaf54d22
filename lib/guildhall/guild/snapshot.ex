defmodule Guildhall.Guild.Snapshot do
  @moduledoc false

  # What a session is told when it is attached: GUILD_CREATE, or CHANNEL_CREATE of a direct message
  # channel.
  #
  # The guild's own part is encoded once per version of the guild, each channel once, and each member
  # as often as he changes. What is left for a session is to put the pieces together.

  import Bitwise

  alias Guildhall.Guild.{
    ChannelJson,
    Event,
    Events,
    Pace,
    Posts,
    Presences,
    Roster,
    State,
    Voices
  }

  alias Guildhall.Model.{Channel, Intents, Json, Limits, Member, Rights}
  alias Guildhall.Payload
  alias Guildhall.Relay.Subscriber

  # Of a large guild those are shown who are online: up to 2,000, which fits an outbox, and while very
  # many come at once as many as a client calls large. Of the others it learns by their presence, or by
  # asking.

  @most 2_000
  # In a guild with more members nobody is told who is online.
  @told 75_000

  @presences Intents.bit(:guild_presences)

  defstruct version: -1, guild: nil, channels: %{}, spent: 0, cut: 0

  @type t :: %__MODULE__{
          version: integer(),
          guild: binary() | nil,
          channels: ChannelJson.t(),
          # Members shown in this window of presences, and how often some were left out for that.
          spent: non_neg_integer(),
          cut: non_neg_integer()
        }

  @doc "Whether this session is shown every member of the guild."
  @spec all_members?(State.t(), Subscriber.t(), large_threshold :: pos_integer()) :: boolean()
  def all_members?(%State{guild: guild}, %Subscriber{intents: intents}, threshold) do
    guild.kind == :guild and (intents &&& @presences) != 0 and
      guild.member_count <= min(threshold, State.small())
  end

  @doc "Whether something was spent that `tick/1` gives back."
  @spec spent?(t()) :: boolean()
  def spent?(%__MODULE__{spent: spent}), do: spent > 0

  @doc "A window of presences has ended, of a room with so many watchers."
  @spec tick(t(), watchers :: non_neg_integer()) :: t()
  def tick(%__MODULE__{spent: spent} = snapshot, watchers) do
    %{snapshot | spent: max(spent - Pace.members(watchers), 0), cut: 0}
  end

  @doc "The event, and the state with what was encoded for it."
  @spec event(
          State.t(),
          Subscriber.t(),
          {large_threshold :: pos_integer(), watchers :: non_neg_integer()}
        ) ::
          {Event.t(), State.t()}
  def event(%State{guild: %{kind: :dm} = guild} = state, subscriber, _bounds) do
    [channel] = Map.values(guild.channels)
    others = for user <- state.users, user.id != subscriber.user_id, do: user
    {Events.direct_create(state, channel, others), state}
  end

  def event(%State{} = state, %Subscriber{member: %Member{} = member} = subscriber, bounds) do
    {threshold, _watchers} = bounds
    state = refresh(state)
    visible = Rights.visible(state.rights, member)
    {presences, state} = presences(state, subscriber, bounds)
    voices = for voice <- Voices.shown(state.voices), voice.channel_id in visible, do: voice
    voices = Enum.take(voices, Limits.voices())
    {people, all?, state} = people(state, subscriber, threshold, {voices, presences})

    json = [
      state.snapshot.guild,
      [~s(,"joined_at":), Payload.encode!(Json.timestamp(member.joined_at))],
      [~s(,"member_count":), Integer.to_string(state.guild.member_count)],
      [~s(,"large":), to_string(not all? or state.guild.member_count > threshold)],
      [~s(,"channels":[), channels(state, visible), "]"],
      [~s(,"members":[), Enum.intersperse(people.members, ","), "]"],
      [~s(,"presences":[), Enum.intersperse(people.presences, ","), "]"],
      [~s(,"voice_states":), Payload.encode!(Enum.map(voices, &Json.voice_state/1))],
      ~s(,"unavailable":false,"threads":[],"stage_instances":[],"guild_scheduled_events":[]),
      ~s(,"soundboard_sounds":[]})
    ]

    {%Event{type: "GUILD_CREATE", content: {:json, json}}, state}
  end

  defp refresh(%State{version: version, snapshot: %{version: version}} = state), do: state

  defp refresh(%State{guild: guild, snapshot: snapshot} = state) do
    snapshot = %{
      snapshot
      | version: state.version,
        guild: open(Payload.encode!(Json.guild(guild))),
        channels: ChannelJson.keep(snapshot.channels, guild.channels)
    }

    %{state | snapshot: snapshot}
  end

  defp open(json), do: binary_part(json, 0, byte_size(json) - 1)

  defp channels(state, visible) do
    visible |> Enum.map(&channel(state, &1)) |> Enum.intersperse(",")
  end

  @doc "Encodes channels for `channel/2`, if they have changed since they were last encoded."
  @spec encode(State.t(), [Channel.t()]) :: State.t()
  def encode(%State{snapshot: snapshot} = state, channels) do
    %{state | snapshot: %{snapshot | channels: ChannelJson.add(snapshot.channels, channels)}}
  end

  @doc "A channel that was encoded."
  @spec channel(State.t(), pos_integer()) :: iodata()
  def channel(%State{snapshot: snapshot, posts: posts}, id) do
    ChannelJson.show(snapshot.channels, id, Posts.last(posts, id))
  end

  # Members and presences, of whom the client itself comes first. Without presences it is shown itself
  # and the members whose voice states it is shown. Those who do not fit are left out.
  defp people(state, %{user_id: self} = subscriber, threshold, {voices, presences}) do
    entries =
      if all_members?(state, subscriber, threshold),
        do: everyone(state, self, Map.new(presences)),
        else: some(Enum.uniq([self | ids(voices)]), presences)

    people = %{members: [], presences: [], left: Limits.members_bytes(), all?: true}
    {people, roster} = Enum.reduce(entries, {people, state.roster}, &show/2)
    snapshot = state.snapshot
    snapshot = if people.all?, do: snapshot, else: %{snapshot | cut: snapshot.cut + 1}
    {members, presences} = {Enum.reverse(people.members), Enum.reverse(people.presences)}
    state = %{state | roster: roster, snapshot: snapshot}
    {%{people | members: members, presences: presences}, people.all?, state}
  end

  defp everyone(state, self, presences) do
    ids = for %{user: %{id: id}} <- Roster.known(state.roster), id != self, do: id
    for id <- [self | ids], do: {id, true, presences[id]}
  end

  defp some(first, presences) do
    known = Map.new(first, &{&1, true})

    for(id <- first, do: {id, true, nil}) ++
      for {id, presence} <- presences, do: {id, not is_map_key(known, id), presence}
  end

  defp show({id, member?, presence}, {people, roster}) do
    {member, roster} = if member?, do: Roster.encoded(roster, id, &json/1), else: {[], roster}
    presence = List.wrap(presence)
    bytes = bytes(member) + bytes(presence)

    if bytes <= people.left do
      {members, presences} = {member ++ people.members, presence ++ people.presences}
      left = people.left - bytes
      {%{people | members: members, presences: presences, left: left}, roster}
    else
      {%{people | all?: false}, roster}
    end
  end

  defp bytes([]), do: 0
  defp bytes([json]), do: byte_size(json) + 1

  defp json(member), do: Payload.encode!(Json.member(member, user: true))

  defp ids(voices), do: for(%{user_id: id} <- voices, do: id)

  defp presences(%State{guild: guild} = state, %Subscriber{intents: intents} = subscriber, bounds) do
    {threshold, _watchers} = bounds

    cond do
      (intents &&& @presences) == 0 or guild.member_count > @told -> {[], state}
      all_members?(state, subscriber, threshold) -> sample(state, @most)
      true -> state |> sample(affordable(state, bounds)) |> spend(threshold)
    end
  end

  # The last one of a window may cost more than is left, which the next window pays.
  defp affordable(%State{snapshot: snapshot}, {threshold, watchers}) do
    if snapshot.spent < Pace.members(watchers), do: @most, else: threshold
  end

  defp sample(state, most) do
    encode = &Payload.encode!(Json.presence(&1, &2))
    {sample, presences} = Presences.sample(state.presences, most, encode)
    {sample, %{state | presences: presences}}
  end

  # What every client is shown is not counted.
  defp spend({sample, %State{snapshot: snapshot} = state}, threshold) do
    shown = length(sample)
    cut? = shown < min(@most, Presences.count(state.presences))

    snapshot = %{
      snapshot
      | spent: snapshot.spent + max(shown - threshold, 0),
        cut: snapshot.cut + if(cut?, do: 1, else: 0)
    }

    {sample, %{state | snapshot: snapshot}}
  end
end
