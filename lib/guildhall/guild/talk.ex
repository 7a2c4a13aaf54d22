defmodule Guildhall.Guild.Talk do
  @moduledoc false

  # Voice channels as far as they can be seen: joining, muting, leaving. A user who moves leaves one
  # channel for those who see that one, and joins the other for those who see the other.
  #
  # Wishes of sessions are shown to others in windows, the latest state of each user
  # (`Guildhall.Guild.Voices`); what commands do is shown at once.

  import Bitwise

  alias Guildhall.Guild.{Audience, Authority, Events, Plan, Roster, State, Voices}
  alias Guildhall.Model.{Intents, Member, VoiceState}
  alias Guildhall.Permissions

  @voice [2, 13]
  @states Intents.bit(:guild_voice_states)
  @connect Permissions.bit(:connect)
  @move Permissions.bit(:move_members)
  @speak Permissions.bit(:speak)

  @doc "Does what a session asks for its user; what he may not do, it does not do."
  @spec set(State.t(), pos_integer(), String.t(), map(), now :: integer()) ::
          {State.t(), [Plan.effect()]}
  def set(state, user_id, session_id, %{channel_id: nil}, _now) do
    leave(state, user_id, session_id)
  end

  def set(
        %State{guild: guild} = state,
        user_id,
        session_id,
        %{channel_id: channel_id} = attrs,
        now
      ) do
    with {:ok, member} <- Roster.fetch(state.roster, user_id),
         {:ok, %{type: type} = channel} when type in @voice <-
           Authority.channel(guild, channel_id),
         permissions = Authority.permissions(state, member, channel, now),
         true <- (permissions &&& @connect) != 0,
         true <- (permissions &&& @move) != 0 or room?(state, channel, user_id) do
      voice = voice(member, session_id, channel, permissions, attrs)
      announce(%{state | voices: Voices.put(state.voices, voice)}, user_id)
    else
      _may_not -> {state, []}
    end
  end

  @doc "Takes a user out of its channel; if a session is given, only if that session put it there."
  @spec leave(State.t(), pos_integer(), String.t() | nil) :: {State.t(), [Plan.effect()]}
  def leave(state, user_id, session_id) do
    announce(%{state | voices: Voices.delete(state.voices, user_id, session_id)}, user_id)
  end

  @doc "Takes a user out of its channel, and shows it at once."
  @spec expel(State.t(), pos_integer()) :: {State.t(), [Plan.effect()]}
  def expel(state, user_id) do
    show(%{state | voices: Voices.delete(state.voices, user_id)}, user_id)
  end

  @doc "Ends a window: shows users that waited for it."
  @spec tick(State.t()) :: {State.t(), [Plan.effect()]}
  def tick(state), do: state.voices |> Voices.tick(watchers(state)) |> shown(state)

  @typedoc "What commands do to voice states."
  @type change ::
          {:vacate, channel_id :: pos_integer()}
          | {:member, Member.t()}
          | {:move, user_id :: pos_integer(), channel_id :: pos_integer() | nil}

  @doc """
  Follows a command: everyone leaves a channel that is deleted, a member is muted or deafened, or is
  moved by someone else.
  """
  @spec follow(State.t(), change(), now :: integer()) :: {State.t(), [Plan.effect()]}
  def follow(state, {:vacate, channel_id}, _now) do
    state.voices
    |> Voices.users_in(channel_id)
    |> Enum.flat_map_reduce(state.voices, &vacate(&2, &1, channel_id))
    |> shown(state)
  end

  def follow(state, {:member, %Member{mute: mute, deaf: deaf} = member}, _now) do
    case Voices.fetch(state.voices, member.user.id) do
      {:ok, %{mute: ^mute, deaf: ^deaf}} -> {state, []}
      {:ok, voice} -> put(state, %{voice | mute: mute, deaf: deaf})
      :error -> {state, []}
    end
  end

  def follow(state, {:move, user_id, nil}, _now), do: expel(state, user_id)

  def follow(state, {:move, user_id, channel_id}, _now) do
    case Voices.fetch(state.voices, user_id) do
      {:ok, voice} -> put(state, %{voice | channel_id: channel_id})
      :error -> {state, []}
    end
  end

  # A user may still be shown in a channel that it has left for another.
  defp vacate(voices, user_id, channel_id) do
    case Voices.fetch(voices, user_id) do
      {:ok, %{channel_id: ^channel_id}} ->
        voices |> Voices.delete(user_id) |> Voices.show(user_id)

      _elsewhere ->
        Voices.show(voices, user_id)
    end
  end

  defp room?(_state, %{user_limit: none}, _user_id) when none in [nil, 0], do: true

  defp room?(state, channel, user_id) do
    Voices.others(state.voices, channel.id, user_id) < channel.user_limit
  end

  defp voice(%Member{user: user} = member, session_id, channel, permissions, attrs) do
    %VoiceState{
      user_id: user.id,
      session_id: session_id,
      channel_id: channel.id,
      mute: member.mute,
      deaf: member.deaf,
      self_mute: attrs[:self_mute] == true,
      self_deaf: attrs[:self_deaf] == true,
      self_video: attrs[:self_video] == true,
      suppress: channel.type == 13 or (permissions &&& @speak) == 0
    }
  end

  defp put(state, voice) do
    show(%{state | voices: Voices.put(state.voices, voice)}, voice.user_id)
  end

  defp announce(state, user_id) do
    state.voices |> Voices.announce(user_id, watchers(state)) |> shown(state)
  end

  defp show(state, user_id), do: state.voices |> Voices.show(user_id) |> shown(state)

  defp watchers(%State{audience: audience}), do: Audience.count(audience, @states)

  defp shown({changes, voices}, state), do: {%{state | voices: voices}, effects(state, changes)}

  # States that are shown together leave in one message.
  defp effects(state, changes) do
    {updates, servers} =
      changes
      |> Enum.flat_map(&events(state, &1))
      |> Enum.split_with(&(&1.type == "VOICE_STATE_UPDATE"))

    for events <- [updates, servers], events != [], do: {:publish_all, events}
  end

  defp events(state, {user_id, before, now}) do
    member =
      case Roster.fetch(state.roster, user_id) do
        {:ok, member} -> member
        :error -> nil
      end

    moved? = before == nil or now == nil or before.channel_id != now.channel_id
    left = if before && moved?, do: [left(state, before, member)], else: []

    joined = if now, do: [Events.voice_update(state, now.channel_id, now, member)], else: []
    server = if now && moved?, do: [Events.voice_server(state, user_id)], else: []
    left ++ joined ++ server
  end

  defp left(state, voice, member) do
    gone = %{voice | channel_id: nil, self_mute: false, self_deaf: false, self_video: false}
    Events.voice_update(state, voice.channel_id, gone, member)
  end
end
