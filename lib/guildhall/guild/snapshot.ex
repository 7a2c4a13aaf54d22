defmodule Guildhall.Guild.Snapshot do
  @moduledoc false

  # What a session is told when it is attached: GUILD_CREATE, or CHANNEL_CREATE of a direct message
  # channel.
  #
  # The guild's own part is encoded once per version of the guild, each channel once, and each member
  # as often as he changes. What is left for a session is to put the pieces together.

  import Bitwise

  alias Guildhall.Guild.{Event, Events, Posts, Presences, Roster, State, Voices}
  alias Guildhall.Model.{Intents, Json, Member, Rights}
  alias Guildhall.Payload
  alias Guildhall.Relay.Subscriber

  # How many members and presences of a large guild are shown: what fits an outbox. Of the others a
  # client learns by their presence, or by asking.
  @shown 2_000

  @presences Intents.bit(:guild_presences)

  defstruct version: -1, guild: nil, channels: %{}

  @type t :: %__MODULE__{
          version: integer(),
          guild: binary() | nil,
          channels: %{optional(pos_integer()) => {:whole | :open, binary()}}
        }

  @doc "Whether this session is shown every member of the guild."
  @spec all_members?(State.t(), Subscriber.t(), large_threshold :: pos_integer()) :: boolean()
  def all_members?(%State{guild: guild}, %Subscriber{intents: intents}, threshold) do
    guild.kind == :guild and (intents &&& @presences) != 0 and
      guild.member_count <= min(threshold, State.small())
  end

  @doc "The event, and the state with what was encoded for it."
  @spec event(State.t(), Subscriber.t(), large_threshold :: pos_integer()) ::
          {Event.t(), State.t()}
  def event(%State{guild: %{kind: :dm} = guild} = state, subscriber, _threshold) do
    [channel] = Map.values(guild.channels)
    others = for user <- state.users, user.id != subscriber.user_id, do: user
    {Events.direct_create(state, channel, others), state}
  end

  def event(%State{} = state, %Subscriber{member: %Member{} = member} = subscriber, threshold) do
    state = refresh(state)
    visible = Rights.visible(state.rights, member)
    {members, state} = members(state, subscriber, threshold)
    {presences, state} = presences(state, subscriber)

    json = [
      state.snapshot.guild,
      [~s(,"joined_at":), Payload.encode!(Json.timestamp(member.joined_at))],
      [~s(,"member_count":), Integer.to_string(state.guild.member_count)],
      [~s(,"large":), to_string(state.guild.member_count > threshold)],
      [~s(,"channels":[), channels(state, visible), "]"],
      [~s(,"members":[), Enum.intersperse(members, ","), "]"],
      [~s(,"presences":[), Enum.intersperse(presences, ","), "]"],
      [~s(,"voice_states":), Payload.encode!(voices(state, visible))],
      ~s(,"unavailable":false,"threads":[],"stage_instances":[],"guild_scheduled_events":[]),
      ~s(,"soundboard_sounds":[]})
    ]

    {%Event{type: "GUILD_CREATE", content: {:json, json}}, state}
  end

  defp refresh(%State{version: version, snapshot: %{version: version}} = state), do: state

  defp refresh(%State{guild: guild} = state) do
    snapshot = %__MODULE__{
      version: state.version,
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

  # Without presences a client is shown itself and who is in a voice channel.
  defp members(state, %Subscriber{member: own, intents: intents} = subscriber, threshold) do
    members =
      cond do
        all_members?(state, subscriber, threshold) -> Roster.known(state.roster)
        (intents &&& @presences) != 0 -> [own | talking(state) ++ online(state)]
        true -> [own | talking(state)]
      end

    {members, roster} =
      members
      |> Enum.uniq_by(& &1.user.id)
      |> Enum.map_reduce(state.roster, &Roster.encoded(&2, &1, fn m -> json(m) end))

    {members, %{state | roster: roster}}
  end

  defp json(member), do: Payload.encode!(Json.member(member, user: true))

  defp talking(state) do
    for %{user_id: id} <- Voices.all(state.voices),
        {:ok, member} <- [Roster.fetch(state.roster, id)],
        do: member
  end

  defp online(state) do
    for id <- Presences.online(state.presences, @shown),
        {:ok, member} <- [Roster.fetch(state.roster, id)],
        do: member
  end

  defp presences(state, %Subscriber{intents: intents}) when (intents &&& @presences) != 0 do
    {encoded, presences} =
      state.presences
      |> Presences.online(@shown)
      |> Enum.map_reduce(state.presences, fn id, presences ->
        Presences.encoded(presences, id, &Payload.encode!(Json.presence(&1, &2)))
      end)

    {encoded, %{state | presences: presences}}
  end

  defp presences(state, _subscriber), do: {[], state}

  defp voices(state, visible) do
    for voice <- Voices.all(state.voices),
        voice.channel_id in visible,
        do: Json.voice_state(voice)
  end
end
