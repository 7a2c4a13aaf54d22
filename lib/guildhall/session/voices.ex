defmodule Guildhall.Session.Voices do
  @moduledoc false

  # A client's wishes for voice channels (op 4), as a value: 5 changes in 10 seconds, counted in a
  # window that slides. Of what comes beyond that, the last one for each guild waits for its turn.

  @most 5
  @span 10_000
  # Until what a room had no capacity for is sent again.
  @again 500

  defstruct sent: [], waiting: %{}, order: []

  @type t :: %__MODULE__{
          # When the last changes were sent, the newest first.
          sent: [integer()],
          waiting: %{optional(guild_id :: pos_integer()) => attributes :: map()},
          # The guilds of those that wait, the first to wait first.
          order: [pos_integer()]
        }
  @type effect ::
          {:voice, guild_id :: pos_integer(), attributes :: map()}
          | {:timer, :voice, milliseconds :: non_neg_integer()}
          | {:dropped, :voice}

  @doc "The client wants something, with or without limits."
  @spec wish(t(), guild_id :: pos_integer(), map(), now :: integer(), limited? :: boolean()) ::
          {t(), [effect()]}
  def wish(voices, guild_id, attributes, _now, false),
    do: {voices, [{:voice, guild_id, attributes}]}

  def wish(%__MODULE__{} = voices, guild_id, attributes, now, true) do
    dropped = if is_map_key(voices.waiting, guild_id), do: [{:dropped, :voice}], else: []
    {voices, effects} = voices |> wait(guild_id, attributes) |> next(now)
    {voices, dropped ++ effects}
  end

  @doc "Sends what waits, as far as the limit allows, and says when to go on."
  @spec next(t(), now :: integer()) :: {t(), [effect()]}
  def next(%__MODULE__{sent: sent} = voices, now) do
    sent = Enum.filter(sent, &(now - &1 < @span))
    send_next(%{voices | sent: sent}, now, [])
  end

  defp send_next(%__MODULE__{order: []} = voices, _now, effects),
    do: {voices, Enum.reverse(effects)}

  defp send_next(%__MODULE__{sent: sent} = voices, now, effects) when length(sent) >= @most do
    timer = {:timer, :voice, List.last(sent) + @span - now}
    {voices, Enum.reverse([timer | effects])}
  end

  defp send_next(%__MODULE__{order: [guild_id | _order]} = voices, now, effects) do
    voice = {:voice, guild_id, Map.fetch!(voices.waiting, guild_id)}
    voices = %{forget(voices, guild_id) | sent: [now | voices.sent]}
    send_next(voices, now, [voice | effects])
  end

  @doc "A room had no capacity for what was sent. It is sent again, unless the client wants something else."
  @spec unsent(t(), guild_id :: pos_integer(), map()) :: {t(), [effect()]}
  def unsent(%__MODULE__{} = voices, guild_id, attributes) do
    voices =
      if is_map_key(voices.waiting, guild_id),
        do: voices,
        else: wait(voices, guild_id, attributes)

    {voices, [{:timer, :voice, @again}]}
  end

  @doc "The session left a guild."
  @spec forget(t(), guild_id :: pos_integer()) :: t()
  def forget(%__MODULE__{} = voices, guild_id) do
    %{
      voices
      | waiting: Map.delete(voices.waiting, guild_id),
        order: List.delete(voices.order, guild_id)
    }
  end

  defp wait(%__MODULE__{waiting: waiting, order: order} = voices, guild_id, attributes) do
    order = if is_map_key(waiting, guild_id), do: order, else: order ++ [guild_id]
    %{voices | waiting: Map.put(waiting, guild_id, attributes), order: order}
  end
end
