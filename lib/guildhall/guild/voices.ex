defmodule Guildhall.Guild.Voices do
  @moduledoc false

  # Who is in which voice channel. There is no media behind it: a state lives as long as the session
  # that asked for it.

  alias Guildhall.Model.VoiceState

  defstruct states: %{}

  @type user_id :: pos_integer()
  @type t :: %__MODULE__{states: %{optional(user_id()) => VoiceState.t()}}

  @spec fetch(t(), user_id()) :: {:ok, VoiceState.t()} | :error
  def fetch(%__MODULE__{states: states}, user_id), do: Map.fetch(states, user_id)

  @spec all(t()) :: [VoiceState.t()]
  def all(%__MODULE__{states: states}), do: Map.values(states)

  @doc "How many others are in the channel."
  @spec others(t(), channel_id :: pos_integer(), user_id()) :: non_neg_integer()
  def others(%__MODULE__{states: states}, channel_id, user_id) do
    Enum.count(states, fn {id, state} -> state.channel_id == channel_id and id != user_id end)
  end

  @doc "Puts a user into a channel, or changes how he is in it."
  @spec put(t(), VoiceState.t()) :: t()
  def put(%__MODULE__{} = voices, %VoiceState{user_id: user_id} = state) do
    %{voices | states: Map.put(voices.states, user_id, state)}
  end

  @doc "Takes a user out of his channel; if a session is given, only if it put him there."
  @spec pop(t(), user_id(), session_id :: String.t() | nil) :: {VoiceState.t() | nil, t()}
  def pop(%__MODULE__{} = voices, user_id, session_id \\ nil) do
    case voices.states do
      %{^user_id => %{session_id: other}} when session_id != nil and other != session_id ->
        {nil, voices}

      %{^user_id => state} ->
        {state, %{voices | states: Map.delete(voices.states, user_id)}}

      %{} ->
        {nil, voices}
    end
  end

  @doc "The users in a channel."
  @spec users_in(t(), channel_id :: pos_integer()) :: [user_id()]
  def users_in(%__MODULE__{states: states}, channel_id) do
    for {user_id, %{channel_id: ^channel_id}} <- states, do: user_id
  end
end
