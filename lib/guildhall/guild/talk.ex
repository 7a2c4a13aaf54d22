defmodule Guildhall.Guild.Talk do
  @moduledoc false

  # Voice channels as far as they can be seen: joining, muting, leaving. A user who moves leaves one
  # channel for those who see that one, and joins the other for those who see the other.

  import Bitwise

  alias Guildhall.Guild.{Authority, Events, Plan, Roster, State, Voices}
  alias Guildhall.Model.{Member, VoiceState}
  alias Guildhall.Permissions

  @voice [2, 13]
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
      join(state, member, voice(member, session_id, channel, permissions, attrs))
    else
      _may_not -> {state, []}
    end
  end

  @doc "Takes a user out of his channel; if a session is given, only if it put him there."
  @spec leave(State.t(), pos_integer(), String.t() | nil) :: {State.t(), [Plan.effect()]}
  def leave(state, user_id, session_id) do
    case Voices.pop(state.voices, user_id, session_id) do
      {nil, _voices} -> {state, []}
      {voice, voices} -> {%{state | voices: voices}, [left(state, voice)]}
    end
  end

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
    |> Enum.reduce({state, []}, fn user_id, {state, effects} ->
      {state, more} = leave(state, user_id, nil)
      {state, effects ++ more}
    end)
  end

  def follow(state, {:member, %Member{mute: mute, deaf: deaf} = member}, _now) do
    case Voices.fetch(state.voices, member.user.id) do
      {:ok, %{mute: ^mute, deaf: ^deaf}} -> {state, []}
      {:ok, voice} -> join(state, member, %{voice | mute: mute, deaf: deaf})
      :error -> {state, []}
    end
  end

  def follow(state, {:move, user_id, nil}, _now), do: leave(state, user_id, nil)

  def follow(state, {:move, user_id, channel_id}, _now) do
    with {:ok, voice} <- Voices.fetch(state.voices, user_id),
         {:ok, member} <- Roster.fetch(state.roster, user_id) do
      join(state, member, %{voice | channel_id: channel_id})
    else
      :error -> {state, []}
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

  defp join(state, member, voice) do
    {before, voices} = Voices.pop(state.voices, voice.user_id)

    moved =
      if before && before.channel_id != voice.channel_id, do: [left(state, before)], else: []

    connect? = before == nil or before.channel_id != voice.channel_id
    server = if connect?, do: [publish: Events.voice_server(state, voice.user_id)], else: []
    state = %{state | voices: Voices.put(voices, voice)}

    {state,
     moved ++ [publish: Events.voice_update(state, voice.channel_id, voice, member)] ++ server}
  end

  defp left(state, voice) do
    member =
      case Roster.fetch(state.roster, voice.user_id) do
        {:ok, member} -> member
        :error -> nil
      end

    gone = %{voice | channel_id: nil, self_mute: false, self_deaf: false, self_video: false}
    {:publish, Events.voice_update(state, voice.channel_id, gone, member)}
  end
end
