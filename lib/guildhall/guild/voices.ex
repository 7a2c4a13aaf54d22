defmodule Guildhall.Guild.Voices do
  @moduledoc false

  # Who is in which voice channel. There is no media behind it: a state lives as long as the session
  # that asked for it.
  #
  # `states` is what is true, `shown` what others were told last. A change is shown at once while changes
  # are few, once for each user in a window. Others wait for the window's end, where each user is shown
  # as it is by then: what was between is skipped, and what is true in the end is always shown. How many
  # are few, and how many a window shows, `Guildhall.Guild.Pace` says.

  alias Guildhall.Guild.Pace
  alias Guildhall.Model.VoiceState

  defstruct states: %{}, shown: %{}, waiting: %{}, order: :queue.new(), told: %{}

  @type user_id :: pos_integer()
  @type t :: %__MODULE__{
          states: %{optional(user_id()) => VoiceState.t()},
          shown: %{optional(user_id()) => VoiceState.t()},
          # Users that wait for the window's end, and their order. One that was shown meanwhile is in the
          # order alone.
          waiting: %{optional(user_id()) => true},
          order: :queue.queue(user_id()),
          # Users that were shown in this window.
          told: %{optional(user_id()) => true}
        }
  @typedoc "What others were told of a user, and what they are told now."
  @type change :: {user_id(), before :: VoiceState.t() | nil, now :: VoiceState.t() | nil}

  @spec fetch(t(), user_id()) :: {:ok, VoiceState.t()} | :error
  def fetch(%__MODULE__{states: states}, user_id), do: Map.fetch(states, user_id)

  @doc "What others were told."
  @spec shown(t()) :: [VoiceState.t()]
  def shown(%__MODULE__{shown: shown}), do: Map.values(shown)

  @doc "How many others are in the channel."
  @spec others(t(), channel_id :: pos_integer(), user_id()) :: non_neg_integer()
  def others(%__MODULE__{states: states}, channel_id, user_id) do
    Enum.count(states, fn {id, state} -> state.channel_id == channel_id and id != user_id end)
  end

  @doc "Puts a user into a channel, or changes how it is in it."
  @spec put(t(), VoiceState.t()) :: t()
  def put(%__MODULE__{} = voices, %VoiceState{user_id: user_id} = state) do
    %{voices | states: Map.put(voices.states, user_id, state)}
  end

  @doc "Takes a user out of its channel; if a session is given, only if that session put it there."
  @spec delete(t(), user_id(), session_id :: String.t() | nil) :: t()
  def delete(%__MODULE__{states: states} = voices, user_id, session_id \\ nil) do
    case states do
      %{^user_id => %{session_id: other}} when session_id != nil and other != session_id -> voices
      %{} -> %{voices | states: Map.delete(states, user_id)}
    end
  end

  @doc "The users that are in a channel, or are still shown there."
  @spec users_in(t(), channel_id :: pos_integer()) :: [user_id()]
  def users_in(%__MODULE__{states: states, shown: shown}, channel_id) do
    for users <- [states, shown], {user_id, %{channel_id: ^channel_id}} <- users, uniq: true do
      user_id
    end
  end

  @doc "Shows a user to so many watchers, if it is its turn now. Otherwise it waits for `tick/2`."
  @spec announce(t(), user_id(), watchers :: non_neg_integer()) :: {[change()], t()}
  def announce(%__MODULE__{told: told, waiting: waiting} = voices, user_id, watchers) do
    cond do
      same?(voices, user_id) ->
        {[], %{voices | waiting: Map.delete(waiting, user_id)}}

      is_map_key(waiting, user_id) ->
        {[], voices}

      not is_map_key(told, user_id) and map_size(told) < Pace.at_once(watchers) ->
        show(voices, user_id)

      true ->
        {[], wait(voices, user_id)}
    end
  end

  defp same?(%__MODULE__{states: states, shown: shown}, user_id) do
    Map.get(states, user_id) == Map.get(shown, user_id)
  end

  defp wait(voices, user_id) do
    waiting = Map.put(voices.waiting, user_id, true)
    %{voices | waiting: waiting, order: :queue.in(user_id, voices.order)}
  end

  @doc "Shows a user now."
  @spec show(t(), user_id()) :: {[change()], t()}
  def show(%__MODULE__{states: states, shown: shown} = voices, user_id) do
    {before, now} = {Map.get(shown, user_id), Map.get(states, user_id)}
    shown = if now, do: Map.put(shown, user_id, now), else: Map.delete(shown, user_id)

    voices = %{
      voices
      | shown: shown,
        waiting: Map.delete(voices.waiting, user_id),
        told: Map.put(voices.told, user_id, true)
    }

    {if(before == now, do: [], else: [{user_id, before, now}]), voices}
  end

  @doc "A window has ended: shows users that waited for it, at the cost of the next one."
  @spec tick(t(), watchers :: non_neg_integer()) :: {[change()], t()}
  def tick(%__MODULE__{} = voices, watchers) do
    {changes, voices} = show_waiting(%{voices | told: %{}}, Pace.at_end(watchers), [])
    {Enum.reverse(changes), voices}
  end

  defp show_waiting(voices, 0, changes), do: {changes, voices}

  defp show_waiting(%__MODULE__{order: order} = voices, left, changes) do
    case :queue.out(order) do
      {:empty, _order} ->
        {changes, voices}

      {{:value, user_id}, order} when is_map_key(voices.waiting, user_id) ->
        {more, voices} = show(%{voices | order: order}, user_id)
        show_waiting(voices, left - 1, more ++ changes)

      {{:value, _shown_meanwhile}, order} ->
        show_waiting(%{voices | order: order}, left, changes)
    end
  end

  @doc "Whether a window is open, which `tick/2` must end."
  @spec ticking?(t()) :: boolean()
  def ticking?(%__MODULE__{told: told, waiting: waiting}), do: told != %{} or waiting != %{}

  @doc "How many users wait to be shown."
  @spec waiting(t()) :: non_neg_integer()
  def waiting(%__MODULE__{waiting: waiting}), do: map_size(waiting)
end
