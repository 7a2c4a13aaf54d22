defmodule Guildhall.Guild.Snapshot do
  @moduledoc false

  # What a session is told when it is attached: GUILD_CREATE, or CHANNEL_CREATE of a direct message
  # channel.
  #
  # The guild's own part is encoded once per version of the guild, each channel once, and each member
  # as often as he changes. What is left for a session is to put the pieces together.

  import Bitwise

  alias Guildhall.Guild.{Event, Events, Pace, Posts, Presences, Roster, State, Voices}
  alias Guildhall.Model.{Intents, Json, Member, Rights}
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
          channels: %{optional(pos_integer()) => {:whole | :open, binary()}},
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
    voices = for voice <- Voices.all(state.voices), voice.channel_id in visible, do: voice
    {members, state} = members(state, subscriber, threshold, {voices, presences})
    presences = for {_user_id, presence} <- presences, do: presence

    json = [
      state.snapshot.guild,
      [~s(,"joined_at":), Payload.encode!(Json.timestamp(member.joined_at))],
      [~s(,"member_count":), Integer.to_string(state.guild.member_count)],
      [~s(,"large":), to_string(state.guild.member_count > threshold)],
      [~s(,"channels":[), channels(state, visible), "]"],
      [~s(,"members":[), Enum.intersperse(members, ","), "]"],
      [~s(,"presences":[), Enum.intersperse(presences, ","), "]"],
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
        channels: Map.new(guild.channels, fn {id, channel} -> {id, channel_json(channel)} end)
    }

    %{state | snapshot: snapshot}
  end

  # The last message changes with every message, so it is put in when the channel is shown.
  defp channel_json(channel) do
    case Map.pop(Json.channel(channel), :last_message_id, :none) do
      {:none, object} -> {:whole, Payload.encode!(object)}
      {_last, object} -> {:open, open(Payload.encode!(object))}
    end
  end

  defp open(json), do: binary_part(json, 0, byte_size(json) - 1)

  defp channels(state, visible) do
    visible
    |> Enum.map(fn id ->
      case Map.fetch!(state.snapshot.channels, id) do
        {:whole, json} -> json
        {:open, json} -> [json, ~s(,"last_message_id":), last(state, id), "}"]
      end
    end)
    |> Enum.intersperse(",")
  end

  defp last(state, id), do: state.posts |> Posts.last(id) |> Json.id() |> Payload.encode!()

  # Without presences a client is shown itself and the members whose voice states it is shown.
  defp members(state, subscriber, threshold, {voices, presences}) do
    user_ids =
      if all_members?(state, subscriber, threshold),
        do: for(member <- Roster.known(state.roster), do: member.user.id),
        else: [subscriber.user_id | ids(voices) ++ for({id, _presence} <- presences, do: id)]

    {members, roster} =
      user_ids
      |> Enum.uniq()
      |> Enum.flat_map_reduce(state.roster, &Roster.encoded(&2, &1, fn m -> json(m) end))

    {members, %{state | roster: roster}}
  end

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
